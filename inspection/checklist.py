"""What verdicts mean: which are complete, which items are still open, and what follows from them all.

Pure functions of the checklist's version and the verdicts; the aggregate and the sheet both ask them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cases.catalogue import CheckItem
from inspection.commands import Verdict
from inspection.errors import OnTheSpotError, VerdictError
from inspection.events import Mend

NEEDS_NOTE: frozenset[Verdict] = frozenset({"fail", "rectify-now", "rectify-by"})
BY_VIDEO: frozenset[Verdict] = frozenset({"unclear", "fail", "not-applicable"})
"""Verdicts that a picture can justify even where the item has to be seen on the spot to pass."""


def require_sound_verdict(
    check: CheckItem, verdict: Verdict, *, by_video: bool, has_note: bool, mend_by: datetime | None, now: datetime
) -> None:
    """Raises VerdictError or OnTheSpotError."""
    if check.on_the_spot and by_video and verdict not in BY_VIDEO:
        raise OnTheSpotError(item=check.code)
    if not has_note and (verdict in NEEDS_NOTE or (verdict == "not-applicable" and check.mandatory)):
        raise VerdictError(
            "请写明情况后再保存这一结论。", "Say what you saw before you save this verdict.", item=check.code
        )
    if verdict == "rectify-by" and mend_by is None:
        raise VerdictError("请填写整改期限。", "Enter the date by which it is to be mended.", item=check.code)
    if verdict != "rectify-by" and mend_by is not None:
        raise VerdictError("只有“限期整改”需要填写期限。", "Only “mend by a date” takes a date.", item=check.code)
    if mend_by is not None and (mend_by.tzinfo is None or mend_by <= now):
        raise VerdictError("整改期限应晚于现在。", "The date for mending must lie in the future.", item=check.code)


def blocking(checklist: Sequence[CheckItem], verdicts: Mapping[str, Verdict], by_video: bool) -> list[CheckItem]:
    """Mandatory items that must be judged before the findings; what video cannot show is left to the visit."""
    return [
        check
        for check in checklist
        if check.mandatory and check.code not in verdicts and not (check.on_the_spot and by_video)
    ]


def outcome_of(checklist: Sequence[CheckItem], verdicts: Mapping[str, Verdict], by_video: bool) -> str:
    """`failed`: a veto item failed. `on-site`: something could not be judged and needs a visit.

    `rectify`: something is to be mended by a date, or failed without being a veto item. Else `passed`.
    """
    if any(check.veto and verdicts.get(check.code) == "fail" for check in checklist):
        return "failed"
    if any(_needs_visit(check, verdicts.get(check.code), by_video) for check in checklist):
        return "on-site"
    if any(verdicts.get(check.code) in ("rectify-by", "fail") for check in checklist):
        return "rectify"
    return "passed"


def _needs_visit(check: CheckItem, verdict: Verdict | None, by_video: bool) -> bool:
    unseen = check.mandatory and check.on_the_spot and by_video and verdict is None
    return unseen or verdict == "unclear"


def to_mend(checklist: Sequence[CheckItem], verdicts: Mapping[str, Verdict], mend_by: Mapping[str, str]) -> list[Mend]:
    return [
        {"item": check.code, "by": mend_by.get(check.code, "")}
        for check in checklist
        if verdicts.get(check.code) in ("rectify-by", "fail")
    ]
