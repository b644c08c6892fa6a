"""Which commands a page offers its reader: those that the table permits and that the state allows.

Only an offer. The command side asks again, and its refusal is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cases.catalogue import Bilingual, ServiceItem
from cases.permissions import Actor, Subject, may
from projections.rows import CaseRow, ComplaintRow, InspectionRow
from web.opened import Opened

_BEFORE = {"received", "gap-notice", "supplemented"}
_READY = {"received", "supplemented"}
_IN_HAND = {"accepted", "inspecting", "inspected"}
_DECIDED = {"granted", "refused", "not-accepted"}


_NOT_ACCEPTED = Bilingual("受理之后才能办理这一步。", "This follows acceptance.")
_FINISH_FIRST = Bilingual(
    "上一次勘验尚未办结，请先完成并签署勘验单，再安排下一次。",
    "The previous inspection is not finished. Complete it and have its sheet signed first.",
)
_REPLACES = Bilingual(
    "已有一次尚未开始的勘验，另行安排会代替它。", "One inspection is waiting to begin. Planning another replaces it."
)


def subject_of_case(row: CaseRow) -> Subject:
    asked = row.handover.to if row.handover else ""
    return Subject(
        office=row.office,
        region=row.region,
        applicant=row.applicant,
        companions=frozenset({row.companion, asked} - {""}),
    )


def subject_of_inspection(row: InspectionRow, case: CaseRow | None = None) -> Subject:
    """case: when given, its companion may look as well."""
    return Subject(
        office=row.office,
        region=row.region,
        applicant=row.applicant,
        companions=subject_of_case(case).companions if case else frozenset(),
        assigned=frozenset(row.inspectors),
        invited=frozenset({row.guest} - {""}),
    )


def subject_of_complaint(row: ComplaintRow) -> Subject:
    return Subject(office=row.office, region=row.region, applicant=row.applicant)


def is_staff(actor: Actor) -> bool:
    return actor.id.startswith("staff:")


def case_abilities(actor: Actor, row: CaseRow, inspections: Sequence[InspectionRow], item: ServiceItem) -> list[str]:
    is_open, in_hand = row.status in _BEFORE | _IN_HAND, row.status in _IN_HAND
    asked = row.handover is not None and row.handover.to == actor.id
    waiting = any(not gap.done for notice in row.notices[-1:] for gap in notice.gaps)
    state: Mapping[str, bool] = {
        "SupplementCase": row.status == "gap-notice" or (row.status == "supplemented" and waiting),
        "WithdrawCase": is_open,
        "IssueGapNotice": row.status in _READY and actor.id == row.companion,
        "AcceptCase": row.status in _READY and actor.id == row.companion,
        "RefuseAcceptance": row.status in _BEFORE and actor.id == row.companion,
        "RequestHandover": is_open and row.handover is None,
        "WithdrawHandover": is_open and row.handover is not None and not asked,
        "AcceptHandover": is_open and asked,
        "DeclineHandover": is_open and asked,
        "OpenReturnVisit": is_open and not any(visit.closed_at is None for visit in row.visits),
        "CloseReturnVisit": any(visit.closed_at is None for visit in row.visits),
        "PlanInspection": in_hand and unfinished(inspections) is None,
        "DecideCase": in_hand and (not item.checklist or _latest_stage(row) == "sealed"),
        "EvaluateCase": row.status in _DECIDED and row.evaluation is None,
        "ViewTimeline": True,
    }
    return _offered(actor, subject_of_case(row), state)


def _latest_stage(row: CaseRow) -> str:
    return row.inspections[-1].stage if row.inspections else ""


def unfinished(inspections: Sequence[InspectionRow]) -> InspectionRow | None:
    """One that has begun and whose sheet is not sealed: another cannot be planned meanwhile."""
    return next((one for one in inspections if one.started_at is not None and one.status != "sealed"), None)


def blocked(
    actor: Actor, row: CaseRow, inspections: Sequence[InspectionRow], item: ServiceItem, opened: Opened
) -> dict[str, Bilingual]:
    """What the reader's role could do here but the case does not allow now, with what has to come first."""
    reasons: dict[str, Bilingual | None] = {}
    if row.status in _BEFORE:
        reasons = {"DecideCase": _NOT_ACCEPTED, "PlanInspection": _NOT_ACCEPTED}
    elif row.status in _IN_HAND:
        open_one = unfinished(inspections)
        reasons["PlanInspection"] = _FINISH_FIRST if open_one else None
        if item.checklist and _latest_stage(row) != "sealed":
            reasons["DecideCase"] = _why_undecided(inspections, opened)
    subject = subject_of_case(row)
    return {action: why for action, why in reasons.items() if why is not None and may(actor, action, subject)}


def _why_undecided(inspections: Sequence[InspectionRow], opened: Opened) -> Bilingual:
    if not inspections:
        return Bilingual("本事项须先勘验，请先安排勘验。", "This item is inspected first. Plan the inspection.")
    last = inspections[-1]
    if last.ended_at is None:
        return Bilingual(
            "勘验还没有结束，结束并签完勘验单后才能作出决定。",
            "The inspection has not ended. Decide when it has, and its sheet is signed.",
        )
    signed = {participant.party for participant in last.participants if participant.signed}
    waiting = [opened.who(party) for party in (*last.inspectors, f"guest:{last.id}") if party not in signed]
    if waiting:
        return Bilingual(
            f"勘验单还没有签完，待签：{'、'.join(waiting)}。签完后才能作出决定。",
            f"The inspection sheet waits for {len(waiting)} more signature(s). Decide when all have signed.",
        )
    return Bilingual("勘验单正在封存，请稍候片刻。", "The sheet is being sealed. Wait a moment.")


def cautions(
    actor: Actor, row: CaseRow, inspections: Sequence[InspectionRow], item: ServiceItem
) -> dict[str, Bilingual]:
    """What is allowed, but has a consequence that one should know before."""
    waiting = any(one.started_at is None for one in inspections[-1:])
    offered = case_abilities(actor, row, inspections, item)
    return {"PlanInspection": _REPLACES} if waiting and "PlanInspection" in offered else {}


def inspection_abilities(actor: Actor, row: InspectionRow) -> list[str]:
    begun, over, running = row.started_at is not None, row.ended_at is not None, row.status == "running"
    me = party_of(actor, row)
    signed = {participant.party for participant in row.participants if participant.signed}
    arrived = {participant.party for participant in row.participants if participant.arrived_at}
    sheet = row.sheet.status == "drafted" and me not in signed
    state: Mapping[str, bool] = {
        "OfferSlot": not begun or row.slot_withdrawn or row.slot_open,
        "ConfirmSlot": row.status == "offered" or row.slot_open,
        "AnswerNotice": not over and row.mode != "on-site" and row.notice_answered != "accepted",
        "RefuseRemote": not over and row.mode == "remote",
        "MoveOnSite": not over and row.mode != "on-site",
        "ArriveOnSite": not over and row.mode != "remote" and me not in arrived,
        "StartInspection": not begun,
        "TakeStill": running,
        "JudgeItem": running,
        "TellFindings": running,
        "EndInspection": running and row.findings_told_at is not None,
        "SignSheet": sheet,
        "RefuseSignature": sheet,
        "JoinRoom": not over,
        "PlayRecording": any(recording.status != "running" for recording in row.recordings),
    }
    return _offered(actor, subject_of_inspection(row), state)


def complaint_abilities(actor: Actor, row: ComplaintRow) -> list[str]:
    is_open = row.status in ("open", "answered", "escalated")
    state = {
        "AnswerComplaint": is_open,
        "RecordCallback": row.status == "answered",
        "DecideComplaint": is_open,
    }
    return _offered(actor, subject_of_complaint(row), state)


def party_of(actor: Actor, row: InspectionRow) -> str:
    """As whom the actor takes part: the applicant is one party, logged in or come by the link; empty for onlookers."""
    guest = f"guest:{row.id}"
    if actor.id in row.inspectors:
        return actor.id
    return guest if actor.id in (guest, row.applicant) else ""


def _offered(actor: Actor, subject: Subject, state: Mapping[str, bool]) -> list[str]:
    return [action for action, possible in state.items() if possible and may(actor, action, subject)]
