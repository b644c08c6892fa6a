"""Builders of records, pictures and handwriting for the document tests."""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from io import BytesIO

from PIL import Image, ImageDraw

from inspection.sheet import record as r

START = datetime(2026, 11, 20, 10, 2, 3, 250_000, tzinfo=r.BEIJING)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def picture(width: int = 960, height: int = 540, colour: tuple[int, int, int] = (90, 120, 140)) -> Image.Image:
    """A scene with a light and a dark half, so that nothing written on it is readable by luck."""
    image = Image.new("RGB", (width, height), colour)
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, width // 2, height), fill="white")
    draw.rectangle((width // 2, height // 2, width, height), fill="black")
    draw.ellipse((width // 3, height // 4, width // 2, height // 2), fill=colour)
    return image


def encoded(image: Image.Image, form: str = "JPEG", **options: object) -> bytes:
    out = BytesIO()
    image.save(out, form, **options)
    return out.getvalue()


def handwriting(*, transparent: bool = True) -> bytes:
    image = Image.new("RGBA", (600, 240), (0, 0, 0, 0) if transparent else "white")
    draw = ImageDraw.Draw(image)
    for start in (60, 220, 380):
        draw.line(
            [(start, 60), (start + 90, 70), (start + 20, 170), (start + 120, 150)],
            fill="#112244",
            width=7,
            joint="curve",
        )
    return encoded(image, "PNG")


def item(code: str, title: str, verdict: r.Verdict | None, note: str = "", **changes: object) -> r.Item:
    fields: dict[str, object] = {
        "code": code,
        "title": title,
        "requirement": "有可用设备；冷藏 0–8℃，冷冻 ≤−12℃；生熟分层（熟上生下），温度计读数须入画。",
        "basis": "食品安全法第三十三条；GB 31654",
        "trust": "L",
        "verdict": verdict,
        "note": note,
        "judged_by": "i1",
        "judged_at": after(200),
    } | changes
    return r.Item(**fields)  # type: ignore[arg-type] # the fields are named above


def still(id: str, seconds: float = 100) -> r.Still:
    return r.Still(id=id, sha256=hashlib.sha256(id.encode()).hexdigest(), taken_at=after(seconds))


def sheet(**changes: object) -> r.SheetRecord:
    """A remote inspection with every verdict, three stills, two parts of recording and two gaps."""
    fields: dict[str, object] = {
        "salt": "0123456789abcdef" * 2,
        "case": r.CaseFacts(
            number="PB-370202-20261120-000123",
            item_code="food-small",
            item_name="食品经营许可（小餐饮）新办",
            item_version="2026.1",
        ),
        "office": r.OfficeFacts(code="370202-sp", name="青岛市市南区行政审批服务局"),
        "inspection": r.InspectionFacts(
            id="KY-2026-000045",
            mode="remote",
            place="青岛市市南区香港中路示例街 12 号 1 层 103 户",
            started_at=START,
            ended_at=after(1720),
        ),
        "notice": r.NoticeFacts(version="2026.1", answered_at=after(-60), answer="accepted"),
        "participants": _participants(),
        "items": _items(),
        "recordings": _recordings(),
        "findings": r.Findings(
            passed=("F1-01", "F1-02"),
            mend=(
                r.Mend(code="F1-08", what="加装带门的密闭保洁柜，贴“已消毒”标识后拍照上传。", by=date(2026, 11, 27)),
                r.Mend(code="F1-09", what="重新固定水池用途标识。"),
            ),
        ),
        "outcome": "rectify",
    } | changes
    return r.SheetRecord(**fields)  # type: ignore[arg-type] # the fields are named above


def on_site() -> r.SheetRecord:
    return sheet(
        inspection=r.InspectionFacts(
            id="KY-2026-000046", mode="on-site", place="青岛市市南区示例游泳馆", started_at=START, ended_at=after(3000)
        ),
        notice=None,
        items=(item("P-01", "救生员资格证", "pass"), item("P-02", "水质公示", None, judged_by=None, judged_at=None)),
        recordings=(),
        findings=r.Findings(passed=("P-01",)),
        outcome="passed",
    )


def _participants() -> tuple[r.Participant, ...]:
    whole = (r.Presence(since=START, until=after(1720)),)
    broken = (r.Presence(since=START, until=after(700)), r.Presence(since=after(745), until=after(1720)))
    return (
        r.Participant(party="a1", role="applicant", name="王小明", present=broken),
        r.Participant(party="i1", role="inspector", name="李审查", certificate="鲁B-0200117", present=whole),
        r.Participant(party="i2", role="inspector", name="赵勘验", certificate="鲁B-0200233", present=whole),
        r.Participant(party="h1", role="helper", name="阿依古丽·买买提"),
    )


def _items() -> tuple[r.Item, ...]:
    return (
        item("F1-01", "门牌与地址", "pass", "门牌清晰，与申请地址一致。", stills=(still("s1"),)),
        item(
            "F1-02",
            "冷藏冷冻设备",
            "pass",
            "冷藏 4℃、冷冻 −18℃。",
            stills=(still("s2", 300), still("s3", 320)),
            trust="L/K80",
        ),
        item("F1-03", "防鼠设施", "rectify-now", "当场加装挡鼠板后复看。", trust="K60"),
        item("F1-08", "洁净餐具存放", "rectify-by", "餐具敞放，须加装密闭保洁柜。"),
        item("F1-09", "水池用途标识", "fail", "一池多用。", judged_by="i2"),
        item("F1-10", "地面排水", "unclear", "光线不足，看不清坡度，转现场查看。", trust=""),
        item("F1-11", "专间", "not-applicable"),
    )


def _recordings() -> tuple[r.Recording, ...]:
    gap = r.Gap(since=after(700), until=after(745.5), reason="video-silent")
    return (
        r.Recording(
            part="1", participant="a1", digest="ab" * 32, since=START, until=after(900), seconds=854.5, gaps=(gap,)
        ),
        r.Recording(
            part="2", participant="a1", digest="cd" * 32, since=after(900), until=after(1720), seconds=818.2,
            gaps=(r.Gap(since=after(1000), until=after(1001.8), reason="audio-lost"),),
        ),
    )  # fmt: skip
