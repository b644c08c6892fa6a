"""Which commands a page offers its reader: those that the table permits and that the state allows.

Only an offer. The command side asks again, and its refusal is what counts.
"""

from __future__ import annotations

from collections.abc import Mapping

from cases.catalogue import ServiceItem
from cases.permissions import Actor, Subject, may
from projections.rows import CaseRow, ComplaintRow, InspectionRow

_BEFORE = {"received", "gap-notice", "supplemented"}
_READY = {"received", "supplemented"}
_IN_HAND = {"accepted", "inspecting", "inspected"}
_DECIDED = {"granted", "refused", "not-accepted"}


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


def case_abilities(actor: Actor, row: CaseRow, item: ServiceItem) -> list[str]:
    is_open, in_hand = row.status in _BEFORE | _IN_HAND, row.status in _IN_HAND
    asked = row.handover is not None and row.handover.to == actor.id
    waiting = any(not gap.done for notice in row.notices[-1:] for gap in notice.gaps)
    stages = [inspection.stage for inspection in row.inspections]
    state: Mapping[str, bool] = {
        "SupplementCase": row.status == "gap-notice" or (row.status == "supplemented" and waiting),
        "WithdrawCase": is_open,
        "IssueGapNotice": row.status in _READY and actor.id == row.companion,
        "AcceptCase": row.status in _READY and actor.id == row.companion,
        "RefuseAcceptance": row.status in _BEFORE and actor.id == row.companion,
        "RequestHandover": is_open and not asked,
        "AcceptHandover": is_open and asked,
        "DeclineHandover": is_open and asked,
        "OpenReturnVisit": is_open and not any(visit.closed_at is None for visit in row.visits),
        "CloseReturnVisit": any(visit.closed_at is None for visit in row.visits),
        "PlanInspection": in_hand,
        "DecideCase": in_hand and (not item.checklist or stages[-1:] == ["sealed"]),
        "EvaluateCase": row.status in _DECIDED and row.evaluation is None,
        "ViewTimeline": True,
    }
    return _offered(actor, subject_of_case(row), state)


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
