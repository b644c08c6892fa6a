"""Legal holds: placing them, and releasing them by two; and what stands in the way of erasing a case."""

from __future__ import annotations

from cases.case import Case
from cases.clock import office_day
from cases.commands import DeclineHoldRelease, PlaceHold, ReleaseHold, RequestHoldRelease
from cases.complaint import Complaint, complaint_id
from cases.dispatch import Answer, Desk
from cases.errors import MissingError, NotPermittedError
from cases.evaluation import evaluation_id
from cases.hold import Holds, holds_id
from cases.permissions import Role
from cases.retention import RULES, VERSION, rules_for
from eventstore import AggregateNotFoundError


async def stands_in_the_way(desk: Desk, case: Case) -> str:
    """`open` while the office still needs the case, `held` while a hold stands, empty when neither.

    The database asks the same of the record before it erases (cases.stands_in_the_way).
    """
    if case.is_open or await _has_open_complaint(desk, case):
        return "open"
    holds = await _find(desk, case)
    standing = holds.standing(office_day(desk.now)) if holds else {}
    placed = {hold["basis"] for hold in holds.holds.values()} if holds else set()
    if standing or any(rule.basis not in placed for rule in rules_for(case)):
        return "held"
    return ""


async def place_hold(desk: Desk, command: PlaceHold) -> Answer:
    case = await desk.get(Case, command.case_id)
    rule = RULES.get(command.basis)
    if rule is not None and Role.SYSTEM not in desk.actor.roles:
        raise NotPermittedError(
            "归档留存由系统按规则登记，请选择其他依据。", "Archive holds are placed by rule. Choose another basis."
        )
    holds = await _find(desk, case)
    if holds is None:
        holds = Holds.open(desk.context, case.id)
        desk.add(holds)
    hold = holds.place(desk.context, basis=command.basis, until=command.until, rule=VERSION if rule else "")
    return {"case_id": str(case.id), "hold": hold}


async def request_hold_release(desk: Desk, command: RequestHoldRelease) -> Answer:
    holds = await desk.get(Holds, holds_id(command.case_id))
    holds.request_release(desk.context, hold=command.hold, ground=command.ground)
    return {"case_id": str(command.case_id), "hold": command.hold}


async def release_hold(desk: Desk, command: ReleaseHold) -> Answer:
    holds = await desk.get(Holds, holds_id(command.case_id))
    holds.release(desk.context, hold=command.hold)
    return {"case_id": str(command.case_id), "hold": command.hold}


async def decline_hold_release(desk: Desk, command: DeclineHoldRelease) -> Answer:
    holds = await desk.get(Holds, holds_id(command.case_id))
    holds.decline_release(desk.context, hold=command.hold, ground=command.ground)
    return {"case_id": str(command.case_id), "hold": command.hold}


async def _find(desk: Desk, case: Case) -> Holds | None:
    try:
        return await desk.peek(Holds, holds_id(case.id))
    except AggregateNotFoundError:
        return None


async def _has_open_complaint(desk: Desk, case: Case) -> bool:
    try:
        complaint = await desk.peek(Complaint, complaint_id(evaluation_id(case.id)))
    except (AggregateNotFoundError, MissingError):
        return False
    return complaint.status not in ("solved", "decided")
