"""The rendered sheet, read back by another library: everything of the record is there, and nothing aborts it."""

from __future__ import annotations

import re
from io import BytesIO

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pypdf import PdfReader

from cases.photo import read_ink, watermark
from inspection.sheet import record as r
from inspection.sheet.render import Signature, preview_png, render
from tests.unit.documents.sheets import after, encoded, handwriting, item, on_site, picture, sheet, still

VERIFY = "https://peiban.example/verify/1"
INK = read_ink(handwriting())
SIGNED = (
    Signature("a1", "王小明", "applicant", after(1800), INK),
    Signature("i1", "李审查", "inspector", after(1810), INK),
    Signature("i2", "赵勘验", "inspector", after(1820), INK),
)


def pictures() -> dict[str, bytes]:
    return {
        "s1": watermark(encoded(picture()), ["2026-11-20", "示例街 12 号", "PB-1"]),
        "s2": watermark(encoded(picture(540, 960)), ["2026-11-20"]),
    }


def words(pdf: bytes) -> str:
    """The text without spaces and line breaks: where lines break is the typesetter's business."""
    return re.sub(r"\s+", "", "".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages))


def test_everything_of_the_record_is_on_the_sheet() -> None:
    record = r.canonical(sheet())
    text = words(render(record, pictures(), SIGNED, VERIFY))
    expected = [
        "青岛市市南区行政审批服务局", "远程视频勘验单", "PB-370202-20261120-000123", "KY-2026-000045",
        "示例街12号1层103户",
        "王小明", "李审查", "赵勘验", "阿依古丽·买买提", "2026年11月20日10:02:03至10:13:43", "申请人答复：同意",
        "门牌与地址", "4.洁净餐具存放", "第2项冷藏冷冻设备", "第2段", "鲁B-0200117", "鲁B-0200233",
        "餐具敞放，须加装密闭保洁柜。", "食品安全法第三十三条", "照片2张", "照片未随单打印",
        "符合", "不符合", "现场整改", "限期整改", "不适用", "看不清", "整改后复核",
        "录制中断共2处，合计47.3秒", "10:13:43.2至10:14:28.7", "没有收到画面",
        "声音数据丢失", "2026年11月27日前", "未定期限",
        r.digest(record), "ab" * 32, "行政许可法》第三十四条",
    ]  # fmt: skip
    assert [phrase for phrase in expected if phrase not in text] == []


def test_names_are_printed_and_codes_are_not() -> None:
    notice = r.NoticeFacts(version="recording-1", answered_at=after(-60), answer="accepted")
    text = words(render(r.canonical(sheet(notice=notice)), pictures(), SIGNED, VERIFY))
    assert [code for code in ("F1-0", "F1-1", "food-small", "370202-sp", "recording-1") if code in text] == []
    assert "告知书》（第1版）" in text


def test_the_conclusion_stands_on_the_page_of_the_signatures() -> None:
    for count in range(1, 16):
        items = tuple(item(f"X-{n}", f"项目{n}", "pass") for n in range(count))
        pdf = render(r.canonical(sheet(items=items, findings=r.Findings())), pictures(), SIGNED, VERIFY)
        last = re.sub(r"\s+", "", PdfReader(BytesIO(pdf)).pages[-1].extract_text())
        assert all(phrase in last for phrase in ("勘验结论整改后复核", "SHA-256", "申请人王小明", "勘验人员赵勘验"))


def test_a_long_reason_for_not_signing_is_printed_whole() -> None:
    refused = Signature("a1", "王小明", "applicant", None, None, "不同意" * 600 + "完毕")
    assert "完毕" in words(render(r.canonical(sheet()), {}, (refused, *SIGNED[1:]), VERIFY))


def test_only_a_basis_that_is_not_sure_is_marked_as_to_be_confirmed() -> None:
    text = words(render(r.canonical(sheet()), {}, (), VERIFY))
    assert text.count("由审批机关确认") == 2


def test_a_draft_or_repealed_standard_is_said_to_be_for_reference_only() -> None:
    items = (
        item("A", "消毒", "pass", basis="GB 37489.5（征求意见稿）；美容美发场所卫生规范 §5", trust="P-old"),
        item("B", "空气", "pass", basis="GB 9666（已废止）；GB 37487"),
    )
    text = words(render(r.canonical(sheet(items=items, findings=r.Findings(passed=("A", "B")))), {}, SIGNED, ""))
    assert "征求意见稿，仅供参考" in text
    assert "已废止，仅供参考" in text


def test_a_chinese_paper_has_no_english_marks_and_no_page_of_signatures_alone() -> None:
    """Of lengths that end anywhere on a page: the results always go with what is signed."""
    for count in range(8, 26):
        items = tuple(item(f"F-{n}", f"第{n}点", "pass", trust="K60") for n in range(count))
        findings = r.Findings(passed=tuple(one.code for one in items))
        pdf = render(r.canonical(sheet(items=items, recordings=(), findings=findings)), {}, SIGNED, "")
        last = re.sub(r"\s+", "", PdfReader(BytesIO(pdf)).pages[-1].extract_text())
        assert "五、勘验结果" in last
        assert "六、结论与签字" in last
    assert "由审批机关确认" in words(pdf)
    assert "confirmed" not in words(pdf)


def test_the_attachment_is_the_record_that_was_signed() -> None:
    record = r.canonical(sheet())
    attached = PdfReader(BytesIO(render(record, pictures(), SIGNED, VERIFY))).attachments
    assert attached["sheet.json"] == [record]
    assert not PdfReader(BytesIO(render(record, {}, (), VERIFY, attach=False))).attachments


def test_the_same_record_gives_the_same_bytes() -> None:
    record = r.canonical(sheet())
    assert render(record, pictures(), SIGNED, VERIFY) == render(record, pictures(), SIGNED, VERIFY)


def test_the_sheet_declares_itself_an_archive_file() -> None:
    reader = PdfReader(BytesIO(render(r.canonical(sheet()), pictures(), SIGNED, VERIFY)))
    metadata = reader.trailer["/Root"]["/Metadata"].get_data().decode()  # type: ignore[index] # a dictionary by definition
    assert "<pdfaid:part>3</pdfaid:part>" in metadata and "<pdfaid:conformance>A</pdfaid:conformance>" in metadata
    assert reader.metadata and "PB-370202-20261120-000123" in (reader.metadata.title or "")


def test_an_on_site_sheet_has_neither_recording_nor_stills_and_says_so() -> None:
    refused = Signature("a1", "王小明", "applicant", None, None, "对结论有异议")
    text = words(render(r.canonical(on_site()), {}, (refused, SIGNED[1]), VERIFY))
    for phrase in (
        "现场勘验单",
        "没有拍摄照片",
        "没有录音录像",
        "未判定",
        "拒绝签字",
        "理由：对结论有异议",
        "通过勘验",
    ):
        assert phrase in text
    assert "录制告知" not in text


def test_nothing_is_said_against_an_applicant_whose_presence_nobody_notes_on_site() -> None:
    there = on_site().participants[1:3]
    applicant = r.Participant(party="a1", role="applicant", name="王小明")
    record = msgspec.structs.replace(on_site(), participants=(applicant, *there))
    assert "没有在场时段的记录" not in words(render(r.canonical(record), {}, (), VERIFY))


def test_an_inspection_that_never_came_to_pass_still_has_its_sheet() -> None:
    empty = sheet(participants=(), items=(), recordings=(), notice=None, findings=r.Findings(), outcome="on-site")
    text = words(render(r.canonical(empty), {}, (Signature("a1", "王小明", "applicant", None),), VERIFY))
    for phrase in (
        "没有参加人员的记录",
        "没有勘验到任何项目",
        "没有录音录像",
        "转为现场勘验",
        "未签字",
        "没有申请人答复",
    ):
        assert phrase in text


def test_picture_and_sound_lost_together_count_once() -> None:
    both = tuple(r.Gap(since=after(10), until=after(20), reason=f"{kind}-silent") for kind in ("video", "audio"))
    part = r.Recording(
        part="1", participant="a1", digest="0" * 64, since=after(0), until=after(90), seconds=80, gaps=both
    )
    text = words(render(r.canonical(sheet(recordings=(part,))), {}, (), VERIFY))
    assert "录制中断共2处，合计10.0秒" in text


def test_a_digest_is_written_without_ligatures() -> None:
    part = r.Recording(part="1", participant="a1", digest="ff1f" * 16, since=after(0), until=after(9), seconds=9)
    assert "ff1f" * 16 in words(render(r.canonical(sheet(recordings=(part,))), {}, (), VERIFY))


def test_the_preview_shows_pages_that_wait_for_signatures() -> None:
    pages = [Image.open(BytesIO(page)) for page in preview_png(r.canonical(sheet()), pictures())]
    assert len(pages) >= 2
    assert all(page.format == "PNG" and page.width > 900 for page in pages)
    assert all(len(page.convert("L").getcolors() or []) > 20 for page in pages), "no page is blank"


def test_a_long_inspection_runs_over_many_pages_with_their_numbers() -> None:
    many = tuple(item(f"X-{n:03}", f"项目{n}", "pass", "说明" * 40, stills=(still(f"x{n}"),)) for n in range(60))
    pdf = render(r.canonical(sheet(items=many, findings=r.Findings())), {}, SIGNED, VERIFY)
    pages = len(PdfReader(BytesIO(pdf)).pages)
    assert pages > 6
    assert f"第{pages}页共{pages}页" in words(pdf)


@pytest.mark.parametrize(
    "note", ["很长" * 3000, "a" * 3000, '#image("/etc/passwd") $x$ *粗* @ref <b>', "一\n二\r\n三\t四"]
)
def test_text_is_never_markup_and_never_too_long(note: str) -> None:
    text = words(
        render(r.canonical(sheet(items=(item("A", "题", "pass", note),), findings=r.Findings())), {}, (), VERIFY)
    )
    assert re.sub(r"\s+", "", note)[:30] in text.replace("\u200b", "")


@given(st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_no_character_that_somebody_types_keeps_the_sheet_from_being_made(text: str) -> None:
    odd = r.Participant(party="a1", role="applicant", name=text)
    record = r.canonical(sheet(participants=(odd,), items=(item("A", text, "pass", text),), findings=r.Findings()))
    assert render(record, {}, (Signature("a1", text, "applicant", None, None, text),), VERIFY).startswith(b"%PDF-1.7")


def test_what_is_not_a_canonical_record_is_not_drawn() -> None:
    with pytest.raises(r.SheetRecordError):
        render(b"{}", {}, (), VERIFY)
