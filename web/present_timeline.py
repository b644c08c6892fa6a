"""An event in words: what it was about, and its facts by name, where the catalogue or our labels know them.

Digests, sealed values and internal ids get no words; they stay in `facts` for who verifies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from cases.catalogue import Bilingual, Catalogue, ServiceItem
from cases.clock import SHANGHAI
from cases.directory import Directory
from cases.errors import MissingError
from projections.labels import label
from projections.rows import CaseRow, TimelineRow
from web import views
from web.opened import Opened
from web.views_words import Fact

CHANNELS = {
    "phone": Bilingual("手机", "phone"),
    "counter": Bilingual("窗口", "counter"),
    "desk": Bilingual("工作台", "desk"),
    "video": Bilingual("视频", "video"),
    "field": Bilingual("现场", "on site"),
    "cli": Bilingual("命令行", "command line"),
    "system": Bilingual("系统", "system"),
}
_SYSTEM = "系统"

_CODES: Mapping[str, Mapping[str, Bilingual]] = {
    "verdict": {
        "pass": Bilingual("符合", "meets"),
        "fail": Bilingual("不符合", "does not meet"),
        "rectify-now": Bilingual("现场整改", "mended on the spot"),
        "rectify-by": Bilingual("限期整改", "mend by a date"),
        "not-applicable": Bilingual("不适用", "not applicable"),
        "unclear": Bilingual("看不清", "unclear"),
    },
    "outcome": {
        "passed": Bilingual("通过", "passed"),
        "rectify": Bilingual("整改后复核", "to be mended and looked at again"),
        "failed": Bilingual("不通过", "not passed"),
        "on-site": Bilingual("须到现场查看", "to be seen on site"),
    },
    "mode": {
        "remote": Bilingual("视频勘验", "by video"),
        "on-site": Bilingual("现场勘验", "on site"),
        "mixed": Bilingual("视频与现场结合", "video and on site"),
    },
    "inspection_mode": {
        "remote": Bilingual("用手机视频看", "by phone video"),
        "on-site": Bilingual("请上门看", "on site"),
        "either": Bilingual("都可以", "either"),
    },
    "stage": {
        "planned": Bilingual("已安排", "planned"),
        "ended": Bilingual("已结束", "ended"),
        "sealed": Bilingual("勘验单已封存", "sheet sealed"),
    },
    "result": {
        "solved": Bilingual("已解决", "solved"),
        "partly": Bilingual("部分解决", "partly solved"),
        "unsolved": Bilingual("未解决", "not solved"),
        "not-reached": Bilingual("未接通", "not reached"),
    },
    "reason": {
        "duty": Bilingual("按在岗和在办件数自动确定", "chosen by rule: on duty, fewest open cases"),
        "handover": Bilingual("移交", "handed over"),
        "prefers-on-site": Bilingual("希望上门看", "prefers a visit"),
        "no-camera": Bilingual("没有可用的摄像头", "no camera"),
        "no-network": Bilingual("网络不够好", "no network"),
        "notice-refused": Bilingual("不同意录音录像", "declined the recording"),
    },
    "told_by": {
        "phone": Bilingual("电话", "phone"),
        "message": Bilingual("短信", "message"),
        "in-person": Bilingual("当面", "in person"),
    },
    "level": {
        str(level): Bilingual(zh, en)
        for level, (zh, en) in enumerate(
            [
                ("非常不满意", "very dissatisfied"),
                ("不满意", "dissatisfied"),
                ("基本满意", "fairly satisfied"),
                ("满意", "satisfied"),
                ("非常满意", "very satisfied"),
            ],
            1,
        )
    },
    "role": {"inspector": Bilingual("勘验人员", "inspector"), "applicant": Bilingual("申请人", "applicant")},
}
_YES_NO = {True: Bilingual("是", "yes"), False: Bilingual("否", "no")}
_ANSWERS = {True: Bilingual("同意", "agreed"), False: Bilingual("不同意", "declined")}
_DECISIONS = {True: Bilingual("准予许可", "granted"), False: Bilingual("不予许可", "refused")}

_NAMES: Mapping[str, Bilingual] = {
    "item": Bilingual("检查项", "Item"),
    "verdict": Bilingual("结论", "Verdict"),
    "mend_by": Bilingual("整改期限", "Mend by"),
    "mend": Bilingual("须整改", "To mend"),
    "stills": Bilingual("照片", "Stills"),
    "outcome": Bilingual("结果", "Outcome"),
    "mode": Bilingual("方式", "Way"),
    "inspection_mode": Bilingual("申请人希望", "Applicant's wish"),
    "stage": Bilingual("阶段", "Stage"),
    "inspectors": Bilingual("勘验人员", "Inspectors"),
    "present": Bilingual("在场", "Present"),
    "party": Bilingual("参加人", "Party"),
    "participant": Bilingual("拍摄方", "Filmed by"),
    "by": Bilingual("拍摄人", "Taken by"),
    "role": Bilingual("身份", "Role"),
    "companion": Bilingual("陪伴人", "Companion"),
    "officer": Bilingual("工作人员", "Officer"),
    "to": Bilingual("移交给", "To"),
    "reason": Bilingual("原因", "Reason"),
    "starts_at": Bilingual("开始时间", "From"),
    "ends_at": Bilingual("结束时间", "To"),
    "accepted": Bilingual("答复", "Answer"),
    "granted": Bilingual("决定", "Decision"),
    "gaps": Bilingual("须补正", "Missing"),
    "materials": Bilingual("材料", "Materials"),
    "number": Bilingual("编号", "Number"),
    "promised_ends": Bilingual("承诺最晚", "Promised by"),
    "statutory_ends": Bilingual("法定最晚", "By law"),
    "due": Bilingual("答复期限", "Due"),
    "level": Bilingual("评价", "Rating"),
    "real_named": Bilingual("实名", "Real name"),
    "result": Bilingual("回访结果", "Result"),
    "attempt": Bilingual("第几次", "Attempt"),
    "told_by": Bilingual("告知方式", "Told by"),
    "to_office": Bilingual("现由谁办", "Now with"),
    "right_authority": Bilingual("应向何处提出", "Right authority"),
    "on_the_spot": Bilingual("到过现场", "At the premises"),
}

# The facts that make up the sentence beside the label, in this order.
_ABOUT: Mapping[str, tuple[str, ...]] = {
    "companion-assigned": ("companion",),
    "handover-requested": ("to",),
    "handover-accepted": ("companion",),
    "gap-notice-issued": ("gaps",),
    "case-supplemented": ("materials",),
    "case-accepted": ("promised_ends",),
    "case-decided": ("granted",),
    "inspection-noted": ("stage", "outcome"),
    "visit-opened": ("number",),
    "case-evaluated": ("level",),
    "callback-recorded": ("result",),
    "complaint-escalated": ("to_office",),
    "complaint-decided": ("told_by",),
    "inspection-planned": ("mode", "inspectors"),
    "slot-offered": ("starts_at",),
    "notice-answered": ("accepted",),
    "remote-refused": ("reason",),
    "moved-on-site": ("mode",),
    "participant-joined": ("party",),
    "participant-left": ("party",),
    "arrived-on-site": ("party",),
    "recording-opened": ("participant",),
    "recording-head": ("participant",),
    "recording-sealed": ("participant",),
    "still-taken": ("item",),
    "item-judged": ("item", "verdict"),
    "findings-told": ("mend",),
    "inspection-ended": ("outcome",),
    "sheet-signed": ("party",),
    "signature-refused": ("party",),
}


def channel_label(channel: str) -> Bilingual:
    return CHANNELS.get(channel, Bilingual(channel, channel))


def chosen_by_rule(topic: str, reason: object) -> bool:
    """The command was the applicant's, the choice was the system's."""
    return topic == "companion-assigned" and reason == "duty"


def timeline_entry(
    row: TimelineRow, case: CaseRow, opened: Opened, catalogue: Catalogue, directory: Directory
) -> views.TimelineEntry:
    by_rule = chosen_by_rule(row.topic, row.facts.get("reason"))
    words = Words(catalogue.version(case.item, case.item_version), opened, directory)
    details = [
        Fact(code=code, name=_NAMES[code], value=value)
        for code in row.facts
        if code in _NAMES and (value := words.of(row.topic, code, row.facts[code])) is not None
    ]
    return views.TimelineEntry(
        position=row.position,
        stream=row.stream,
        stream_id=row.stream_id,
        version=row.version,
        topic=row.topic,
        label=label(row.topic),
        about=_about(row.topic, details),
        details=details,
        at=row.at,
        actor=row.actor,
        actor_name=_SYSTEM if by_rule else opened.who(row.actor),
        principal=row.principal,
        channel="system" if by_rule else row.channel,
        channel_label=channel_label("system" if by_rule else row.channel),
        office=row.office,
        office_name=words.office(row.office),
        cause=row.cause,
        hash=row.hash,
        facts=row.facts,
    )


def _about(topic: str, details: list[Fact]) -> Bilingual | None:
    found = {fact.code: fact.value for fact in details}
    parts = [found[code] for code in _ABOUT.get(topic, ()) if code in found]
    if not parts:
        return None
    return Bilingual(" — ".join(part.zh for part in parts), " — ".join(part.en or part.zh for part in parts))


class Words:
    """Facts of one case's events, in words; None for what has none."""

    def __init__(self, item: ServiceItem, opened: Opened, directory: Directory) -> None:
        self._item = item
        self._opened = opened
        self._directory = directory
        self._by_code: Mapping[str, Callable[[Any], Bilingual | None]] = {
            "inspectors": self._people,
            "present": self._people,
            "party": self._person,
            "participant": self._person,
            "by": self._person,
            "companion": self._person,
            "officer": self._person,
            "to": self._person,
            "gaps": lambda gaps: _join([self._target(gap["target"]) for gap in gaps]),
            "materials": lambda given: _join([self._target(one["material"]) for one in given]),
            "mend": lambda mend: _join([_until(self._check(one["item"]), one["by"]) for one in mend]),
            "stills": lambda ids: Bilingual(f"{len(ids)} 张", str(len(ids))) if ids else None,
            "to_office": self.office,
            "accepted": _ANSWERS.get,
            "granted": _DECISIONS.get,
            "starts_at": _moment,
            "ends_at": _moment,
            "mend_by": _moment,
        }

    def of(self, topic: str, code: str, value: Any) -> Bilingual | None:
        if (
            value is None or value == "" or (code == "gaps" and topic != "gap-notice-issued")
        ):  # a recording's are others
            return None
        if code == "item":  # of the checklist; a case's own item is told elsewhere
            return self._check(value) if topic in ("item-judged", "still-taken") else None
        if code in self._by_code:
            return self._by_code[code](value)
        if code in _CODES:
            return _CODES[code].get(str(value)) if isinstance(value, str | int) else None
        if isinstance(value, bool):
            return _YES_NO[value]
        return Bilingual(str(value), str(value)) if isinstance(value, str | int) else None

    def office(self, code: str) -> Bilingual:
        try:
            name = self._directory.office(code).name
        except MissingError:
            return Bilingual(code, code)
        return Bilingual(name["zh"], name["en"])

    def _person(self, holder: str) -> Bilingual | None:
        name = self._opened.who(holder)
        return Bilingual(name, name) if name else None

    def _people(self, holders: list[str]) -> Bilingual | None:
        return _join([person for holder in holders if (person := self._person(holder)) is not None])

    def _check(self, code: str) -> Bilingual:
        return next((check.title for check in self._item.checklist if check.code == code), Bilingual(code, code))

    def _target(self, code: str) -> Bilingual:
        named = {one.code: one.name for one in self._item.materials} | {one.code: one.label for one in self._item.form}
        return named.get(code, Bilingual(code, code))


def _join(parts: list[Bilingual]) -> Bilingual | None:
    if not parts:
        return None
    return Bilingual("、".join(part.zh for part in parts), ", ".join(part.en or part.zh for part in parts))


def _until(title: Bilingual, by: str) -> Bilingual:
    if not by:
        return title
    day = _moment(by)
    return Bilingual(f"{title.zh}（{day.zh}前）", f"{title.en or title.zh} (by {day.en})")


def _moment(at: datetime | str) -> Bilingual:
    local = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(SHANGHAI)
    text = f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"
    return Bilingual(text, f"{local:%Y-%m-%d %H:%M}")
