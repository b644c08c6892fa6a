"""Draws the inspection sheet: canonical record in, PDF/A-3a out. Generated from the record, never retyped.

The compiler needs 30 to 150 ms and does not wait for anything: call it in a thread. It sees the
pictures in one private temporary folder, nothing else of the disk and no network. Same input, same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import msgspec
import segno
from typst import Compiler

from cases.catalogue import is_sure
from inspection.sheet import record as r
from inspection.sheet.glyphs import fonts, printable

TEMPLATE = Path(__file__).with_name("sheet.typ")
PREVIEW_PPI = 110.0

TITLES = {
    "remote": ("远程视频勘验单", "Record of a remote video inspection"),
    "on-site": ("现场勘验单", "Record of an on-site inspection"),
    "mixed": ("勘验单（远程与现场）", "Record of an inspection, remote and on site"),
}
MODES = {"remote": "远程视频勘验", "on-site": "现场勘验", "mixed": "远程与现场结合"}
ROLES = {"applicant": "申请人", "inspector": "勘验人员", "helper": "协助人员", "observer": "旁观人员"}
VERDICTS = {
    "pass": ("符合", "good"),
    "fail": ("不符合", "bad"),
    "rectify-now": ("现场整改", "mend"),
    "rectify-by": ("限期整改", "mend"),
    "not-applicable": ("不适用", "idle"),
    "unclear": ("看不清", "open"),
}
OUTCOMES = {
    "passed": ("通过勘验", "good"),
    "rectify": ("整改后复核", "mend"),
    "failed": ("未通过勘验", "bad"),
    "on-site": ("转为现场勘验", "open"),
}
ANSWERS = {"accepted": "同意", "agreed": "同意", "refused": "不同意", "declined": "不同意"}
GAP_REASONS = {
    "video-lost": "画面数据丢失",
    "video-silent": "没有收到画面",
    "video-not-written": "画面未能写入",
    "audio-lost": "声音数据丢失",
    "audio-silent": "没有收到声音",
    "audio-not-written": "声音未能写入",
    "disconnected": "拍摄方未接入",
    "damaged": "录制文件其后部分损坏",
}
LEGAL = (
    "依据《中华人民共和国行政许可法》第三十四条，由两名以上工作人员核查。申请人有异议的，可以陈述、申辩（第七条）。",
    "本单由勘验记录自动生成，完整记录附在本文件中（sheet.json）；改动记录或文件，摘要或电子印章即核验不通过。",
    "审批机关的电子印章以数字签名形式加在本文件上，可在 PDF 阅读器的签名面板中查看。",
)


@dataclass(frozen=True)
class Signature:
    """What one party did with the sheet: `image` (PNG) when it signed, `refused` when it would not, and why."""

    party: str
    name: str
    role: str
    signed_at: datetime | None
    image: bytes | None = None
    refused: str | None = None


def render(
    record_bytes: bytes,
    stills: Mapping[str, bytes],
    signatures: Sequence[Signature],
    verify_url: str,
    *,
    attach: bool = True,
) -> bytes:
    """The sheet as PDF/A-3a, the record inside as `sheet.json`; `stills` are JPEG by still id, missing ones are said.

    Raises SheetRecordError when the bytes are not a canonical record.
    """
    record = r.read_record(record_bytes)
    view, files = _view(record, record_bytes, stills, signatures, verify_url)
    view["attach"], view["preview"] = attach, False
    return _compile(view, files, record.inspection.ended_at, "pdf")[0]


def preview_png(record_bytes: bytes, stills: Mapping[str, bytes]) -> list[bytes]:
    """The pages that a party is shown before it signs, one PNG each; the signatures' place says that it waits."""
    record = r.read_record(record_bytes)
    view, files = _view(record, record_bytes, stills, (), "")
    view["attach"], view["preview"] = False, True
    return _compile(view, files, record.inspection.ended_at, "png")


def _compile(view: dict[str, Any], files: dict[str, bytes], at: datetime, form: Literal["pdf", "png"]) -> list[bytes]:
    inputs = {"view": msgspec.json.encode(view).decode(), "record": files.pop("record.json").decode()}
    with TemporaryDirectory(prefix="peiban-sheet-") as folder:  # pictures only: the compiler takes bytes for text alone
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        compiler = Compiler(TEMPLATE.read_bytes(), root=folder, font_paths=fonts(), sys_inputs=inputs)
        if form == "pdf":
            made = compiler.compile(format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=int(at.timestamp()))
        else:
            made = compiler.compile(format="png", ppi=PREVIEW_PPI)
    if made is None:
        raise RuntimeError("the compiler was asked for bytes and gave none")
    return list(made) if isinstance(made, list) else [made]


def _view(
    record: r.SheetRecord,
    record_bytes: bytes,
    stills: Mapping[str, bytes],
    signatures: Sequence[Signature],
    verify_url: str,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    names = {participant.party: printable(participant.name) for participant in record.participants}
    title, title_en = TITLES[record.inspection.mode]
    ended = record.inspection.ended_at.astimezone(r.BEIJING)
    day = record.inspection.started_at.astimezone(r.BEIJING).date()
    shown, files = _stills(record, stills)
    signed, drawn = _signatures(signatures)
    files |= drawn | {"record.json": record_bytes}
    if verify_url:
        files["qr.svg"] = _qr(verify_url)
    outcome, outcome_tone = OUTCOMES[record.outcome]
    view = {
        "title": title,
        "title_en": title_en,
        "office": printable(record.office.name),
        "number": printable(record.case.number),
        "date": [ended.year, ended.month, ended.day],
        "digest": r.digest(record_bytes),
        "verify_url": printable(verify_url) or None,
        "participants": [_participant(participant, record.inspection.mode) for participant in record.participants],
        "items": [_item(item, names, day) for item in record.items],
        "stills": shown,
        "outcome": outcome,
        "outcome_tone": outcome_tone,
        "signatures": signed,
        "long_refusal": any(len(signature.refused or "") > 200 for signature in signatures),  # may break across pages
        "legal": LEGAL,
    }
    return view | _facts(record) | _recordings(record, names, day) | _findings(record), files


def _facts(record: r.SheetRecord) -> dict[str, Any]:
    case, inspection = record.case, record.inspection
    lasted = inspection.ended_at - inspection.started_at
    wide = [
        ("勘验时间", f"{_span(inspection.started_at, inspection.ended_at)}，历时 {_length(lasted.total_seconds())}"),
        ("审批机关", printable(record.office.name)),
        ("事项名称", f"{printable(case.item_name)}（第 {printable(case.item_version)} 版）"),
        ("勘验地点", printable(inspection.place)),
    ]
    if record.notice is not None:
        answer = printable(ANSWERS.get(record.notice.answer, record.notice.answer))
        version = printable(record.notice.version.rpartition("-")[2])  # of `recording-1`
        told = f"《勘验录音录像告知书》（第 {version} 版），{_moment(record.notice.answered_at)} "
        wide.append(("录制告知", f"{told}申请人答复：{answer}"))
    elif inspection.mode != "on-site":
        wide.append(("录制告知", "没有申请人答复录制告知的记录。"))
    wide.append(("勘验编号", printable(inspection.id)))
    return {
        "facts": [("办件编号", printable(case.number)), ("勘验方式", MODES[inspection.mode])],
        "wide_facts": wide,
    }


def _participant(participant: r.Participant, mode: r.Mode) -> dict[str, Any]:
    # On site only the inspectors report their arrival; that the applicant did not is nothing against him.
    unnoted = "—" if mode == "on-site" and participant.role == "applicant" else "没有在场时段的记录"
    return {
        "role": ROLES[participant.role],
        "name": printable(participant.name),
        "certificate": printable(participant.certificate) or "—",
        "present": [_span(present.since, present.until) for present in participant.present] or [unnoted],
    }


def _item(item: r.Item, names: Mapping[str, str], day: date) -> dict[str, Any]:
    verdict, tone = VERDICTS[item.verdict] if item.verdict else ("未判定", "open")
    judge = names.get(item.judged_by or "", "")
    at = _moment(item.judged_at, day) if item.judged_at else ""
    pictures = f"照片 {len(item.stills)} 张" if item.stills else ""
    return {
        "title": printable(item.title),
        "requirement": printable(item.requirement),
        "basis": _plainly(printable(item.basis)),
        "confirmed": is_sure(item.trust),
        "verdict": verdict,
        "tone": tone,
        "note": [printable(item.note)] if item.note else [],
        "remarks": [line for line in (f"{judge} {at}".strip(), pictures) if line],
        "long": len(item.requirement) + len(item.note) > 500,  # such a row has to break across pages
    }


def _plainly(basis: str) -> str:
    """A draft and a repealed standard bind nobody: a signed paper says so where it names one."""
    for mark in ("征求意见稿", "已废止"):
        basis = basis.replace(f"（{mark}）", f"（{mark}，仅供参考）")
    return basis


def _stills(record: r.SheetRecord, stills: Mapping[str, bytes]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    shown: list[dict[str, Any]] = []
    files: dict[str, bytes] = {}
    for number, item in enumerate(record.items, 1):
        for still in item.stills:
            name = None
            if still.id in stills:
                name = f"still-{len(shown)}.jpg"
                files[name] = stills[still.id]
            title = f"第 {number} 项 {printable(item.title)}"
            at = _moment(still.taken_at)
            shown.append({"file": name, "title": title, "at": at, "sha": still.sha256[:16], "alt": f"{title}，{at}"})
    return shown, files


def _recordings(record: r.SheetRecord, names: Mapping[str, str], day: date) -> dict[str, Any]:
    def filmed(part: r.Recording) -> str:
        return names.get(part.participant, "—")

    gaps = [(part, gap) for part in record.recordings for gap in part.gaps]
    none = "本次为现场勘验，没有录音录像。" if record.inspection.mode == "on-site" else "本次勘验没有录音录像。"
    return {
        "no_recording": none,
        "recordings": [
            {
                "part": f"第 {printable(part.part)} 段",
                "participant": filmed(part),
                "span": _span(part.since, part.until, day),
                "seconds": _length(part.seconds),
                "digest": part.digest,
            }
            for part in record.recordings
        ],
        "gaps": [
            {
                "part": f"第 {printable(part.part)} 段，{filmed(part)}",
                "span": _span(gap.since, gap.until, day, fine=True),
                "seconds": _length((gap.until - gap.since).total_seconds(), fine=True),
                "reason": printable(GAP_REASONS.get(gap.reason, gap.reason)),
            }
            for part, gap in gaps
        ],
        "gap_seconds": _length(_union([gap for _, gap in gaps]), fine=True),
    }


def _union(gaps: Sequence[r.Gap]) -> float:
    """Seconds that lie in any gap: picture and sound are often lost together and count once."""
    total, end = 0.0, None
    for gap in sorted(gaps, key=lambda gap: gap.since):
        since = gap.since if end is None else max(gap.since, end)
        total += max(0.0, (gap.until - since).total_seconds())
        end = gap.until if end is None else max(gap.until, end)
    return total


def _findings(record: r.SheetRecord) -> dict[str, Any]:
    titles = {item.code: f"{number}. {printable(item.title)}" for number, item in enumerate(record.items, 1)}
    passed = [titles.get(code, printable(code)) for code in record.findings.passed]
    return {
        "passed": f"{len(passed)} 项：" + "、".join(passed) if passed else "无",
        "mend": [
            {
                "title": titles.get(mend.code, printable(mend.code)),
                "what": printable(mend.what),
                "by": f"{mend.by.year}年{mend.by.month}月{mend.by.day}日前" if mend.by else "未定期限",
            }
            for mend in record.findings.mend
        ],
    }


def _signatures(signatures: Sequence[Signature]) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    files = {f"sign-{n}.png": signature.image for n, signature in enumerate(signatures) if signature.image}
    return [
        {
            "role": ROLES.get(signature.role, printable(signature.role)),
            "name": printable(signature.name),
            "file": f"sign-{n}.png" if signature.image else None,
            "refused": printable(signature.refused or ("未说明" if signature.refused is not None else "")),
            "state": "已确认，未手写签名" if signature.signed_at else "未签字",
            "at": _moment(signature.signed_at) if signature.signed_at else "",
        }
        for n, signature in enumerate(signatures)
    ], files


def _qr(url: str) -> bytes:
    out = BytesIO()
    segno.make_qr(url, error="m").save(out, kind="svg", scale=4, border=1, xmldecl=True)
    return out.getvalue()


def _moment(at: datetime, day: date | None = None, *, fine: bool = False) -> str:
    """Beijing time; without the date on `day`, which the reader knows; tenths of a second only where they matter."""
    local = at.astimezone(r.BEIJING)
    clock = f"{local:%H:%M:%S}" + (f".{local.microsecond // 100_000}" if fine else "")
    return clock if local.date() == day else f"{local.year}年{local.month}月{local.day}日 {clock}"


def _span(since: datetime, until: datetime, day: date | None = None, *, fine: bool = False) -> str:
    same = since.astimezone(r.BEIJING).date()
    return f"{_moment(since, day, fine=fine)} 至 {_moment(until, same, fine=fine)}"


def _length(seconds: float, *, fine: bool = False) -> str:
    whole = round(seconds, 1) if fine else round(seconds)
    minutes, rest = divmod(whole, 60)
    said = f"{rest:.1f} 秒" if fine else f"{rest:.0f} 秒"
    return f"{minutes:.0f} 分 {said}" if minutes else said
