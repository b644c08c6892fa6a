"""How an event changes the row of its case. Without I/O: row and event in, row changed."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from cases import case_events as on_case
from cases import complaint as on_complaint
from cases.case_events import CaseReceived, MaterialRecord
from cases.evaluation import CaseEvaluated
from cases.visit import VisitClosed, VisitOpened
from eventstore import Recorded, Sealed
from inspection import events as on_inspection
from projections.labels import LABELS
from projections.rows import (
    AttachmentRow,
    CaseRow,
    DeadlineRow,
    DecisionRow,
    DeclinedHandoverRow,
    EvaluationRow,
    GapRow,
    HandoverRow,
    InspectionLink,
    MaterialRow,
    Needs,
    NoticeRow,
    Ref,
    RefusalRow,
    StepRow,
    VisitRow,
    ref_of,
    ref_or_none,
)

_OVER = ("granted", "refused", "not-accepted", "withdrawn")


def receive(recorded: Recorded, event: CaseReceived) -> CaseRow:
    row = CaseRow(
        id=recorded.originator_id,
        opened=recorded.position,
        position=recorded.position,
        number=event.number,
        item=event.item,
        item_version=event.item_version,
        status="received",
        needs="office",
        received_at=event.timestamp,
        applicant=event.applicant,
        contact=ref_of(event.contact),
        office=event.office,
        region=event.region,
        inspection_mode=event.inspection_mode,
        form={},
        materials=[],
    )
    _fill(row, event.form, event.materials)
    _step(row, recorded, about=event.number)
    return row


def tell(row: CaseRow, recorded: Recorded) -> None:
    row.position = recorded.position
    match LABELS[recorded.topic].stream:
        case "case":
            _tell_case(row, recorded)
            _tell_end(row, recorded)
        case "visit":
            _tell_visit(row, recorded)
        case "inspection":
            _tell_inspection(row, recorded)
        case "evaluation" | "complaint":
            _tell_opinion(row, recorded)
    row.needs = _needs(row)


def _tell_case(row: CaseRow, recorded: Recorded) -> None:
    match recorded.event:
        case on_case.CompanionAssigned() as event:
            row.companion = event.companion
            if event.reason == "duty":
                _step(row, recorded, about=event.companion)
        case on_case.GapNoticeIssued() as event:
            gaps = [GapRow(target=gap["target"], what=ref_of(gap["what"])) for gap in event.gaps]
            row.notices.append(NoticeRow(number=event.number, issued_at=event.timestamp, gaps=gaps))
            row.status = "gap-notice"
            _step(row, recorded, about=str(event.number))
        case on_case.CaseSupplemented() as event:
            _fill(row, event.form, event.materials)
            if isinstance(phone := event.form.get("phone"), dict):
                row.contact = ref_of(phone)
            _supplement(row, event)
            row.status = "supplemented"
            _step(row, recorded, about=str(event.notice))
        case on_case.CaseAccepted() as event:
            row.deadline = DeadlineRow(
                promised_days=event.promised_days,
                statutory_days=event.statutory_days,
                starts=event.starts,
                promised_ends=event.promised_ends,
                statutory_ends=event.statutory_ends,
                calendar=event.calendar,
            )
            row.status = "accepted"
            _step(row, recorded)
        case on_case.HandoverRequested() as event:
            row.handover = HandoverRow(to=event.to, by=event.actor, asked_at=event.timestamp, note=ref_of(event.note))
            row.handover_declined = None
            _step(row, recorded, about=event.to)
        case on_case.HandoverAccepted() as event:
            row.companion, row.handover = event.companion, None
            _step(row, recorded, about=event.companion)
        case on_case.HandoverDeclined() as event:
            row.handover = None
            row.handover_declined = DeclinedHandoverRow(by=event.actor, at=event.timestamp, reason=ref_of(event.reason))
            _step(row, recorded, about=event.actor, detail=event.reason)
        case on_case.HandoverWithdrawn():
            row.handover = None
            _step(row, recorded)
        case on_case.InspectionNoted() as event:
            link = _link(row, UUID(event.inspection), event.mode)
            link.stage, link.mode = event.stage, event.mode
            link.outcome, link.on_the_spot = event.outcome, event.on_the_spot
            row.status = "inspecting" if row.inspections[-1].stage == "planned" else "inspected"


def _tell_end(row: CaseRow, recorded: Recorded) -> None:
    match recorded.event:
        case on_case.AcceptanceRefused() as event:
            authority = event.right_authority
            row.refusal = RefusalRow(
                at=event.timestamp,
                by=event.actor,
                reason=ref_of(event.reason),
                right_authority=authority if isinstance(authority, str) else ref_of(authority),
            )
            row.status, row.handover = "not-accepted", None
            _step(row, recorded, detail=event.reason)
        case on_case.CaseDecided() as event:
            row.decision = DecisionRow(
                at=event.timestamp,
                by=event.actor,
                granted=event.granted,
                reasons=ref_of(event.reasons),
                remedies=list(event.remedies),
                basis=event.basis,
            )
            row.status, row.handover = "granted" if event.granted else "refused", None
            _step(row, recorded, about=row.status, detail=event.reasons)
        case on_case.CaseWithdrawn() as event:
            row.withdrawn_for = ref_of(event.reason)
            row.status, row.handover = "withdrawn", None
            _step(row, recorded, detail=event.reason)
        case on_case.CaseDataErased() as event:
            row.erased_at = event.timestamp
            _step(row, recorded)


def _tell_visit(row: CaseRow, recorded: Recorded) -> None:
    match recorded.event:
        case VisitOpened() as event:
            row.visits.append(
                VisitRow(
                    id=recorded.originator_id, number=event.number, opened_at=event.timestamp, officer=event.officer
                )
            )
            _step(row, recorded, about=event.number)
        case VisitClosed() as event:
            visit = next(visit for visit in row.visits if visit.id == recorded.originator_id)
            visit.closed_at, visit.outcome = event.timestamp, ref_of(event.outcome)
            _step(row, recorded, about=visit.number, detail=event.outcome)


def _tell_inspection(row: CaseRow, recorded: Recorded) -> None:
    event = recorded.event
    about, detail = "", None
    if isinstance(event, on_inspection.InspectionPlanned):
        link = _link(row, recorded.originator_id, event.mode)
        about, link.needs_slot = event.mode, True
    else:
        link = _link(row, recorded.originator_id, "")
    match event:
        case on_inspection.SlotOffered():
            link.awaits_applicant, link.needs_slot, about = True, False, event.starts_at.isoformat()
        case on_inspection.SlotWithdrawn():
            link.awaits_applicant, link.needs_slot = False, True
        case on_inspection.ArrivedOnSite():
            link.needs_slot = False
            return
        case on_inspection.SlotConfirmed() | on_inspection.InspectionStarted() | on_inspection.SheetSealed():
            link.awaits_applicant = link.needs_slot = False
        case on_inspection.RemoteRefused():
            about = event.reason
        case on_inspection.MovedOnSite():
            link.mode, about, detail = event.mode, event.mode, event.reason
        case on_inspection.InspectionEnded():
            about, link.needs_slot = event.outcome, False
        case on_inspection.SheetDrafted():
            link.awaits_applicant = True
        case on_inspection.SheetSigned():
            link.awaits_applicant &= not event.party.startswith("guest:")
            about = event.party
        case on_inspection.SignatureRefused():
            link.awaits_applicant &= not event.party.startswith("guest:")
            about, detail = event.party, event.reason
    _step(row, recorded, about=about, detail=detail)


def _tell_opinion(row: CaseRow, recorded: Recorded) -> None:
    match recorded.event:
        case CaseEvaluated() as event:
            row.evaluation = EvaluationRow(
                id=recorded.originator_id,
                at=event.timestamp,
                level=event.level,
                real_named=event.real_named,
                comment=ref_or_none(event.comment),
            )
            _step(row, recorded, about=str(event.level))
        case on_complaint.ComplaintOpened() as event:
            row.complaint = recorded.originator_id
            _step(row, recorded, about=event.due)
        case on_complaint.ComplaintAnswered() as event:
            _step(row, recorded, detail=event.reply)
        case on_complaint.ComplaintEscalated() as event:
            _step(row, recorded, about=event.to_office)
        case on_complaint.ComplaintSolved():
            _step(row, recorded)
        case on_complaint.ComplaintDecided() as event:
            _step(row, recorded, about=event.told_by, detail=event.decision)


def _needs(row: CaseRow) -> Needs:
    """Whose turn it is. An evaluation is never needed: rating is the applicant's free choice."""
    if any(link.awaits_applicant for link in row.inspections) and row.status not in _OVER:
        return "applicant"
    if row.status == "gap-notice":
        return "applicant"
    return "" if row.status in _OVER else "office"


def _link(row: CaseRow, inspection: UUID, mode: str) -> InspectionLink:
    for link in row.inspections:
        if link.id == inspection:
            return link
    row.inspections.append(InspectionLink(id=inspection, mode=mode))
    return row.inspections[-1]


def _fill(row: CaseRow, form: dict[str, str | Sealed], materials: Sequence[MaterialRecord]) -> None:
    """What is supplied anew replaces a form value and joins a material's earlier attachments."""
    for field, value in form.items():
        row.form[field] = value if isinstance(value, str) else ref_of(value)
    for record in materials:
        supplied = [
            AttachmentRow(id=UUID(a["id"]), kind=a["kind"], sha256=a["sha256"], size=a["size"], name=ref_of(a["name"]))
            for a in record["attachments"]
        ]
        known = next((m for m in row.materials if m.material == record["material"]), None)
        if known is None:
            row.materials.append(MaterialRow(material=record["material"], attachments=supplied))
        else:
            known.attachments += supplied


def _supplement(row: CaseRow, event: on_case.CaseSupplemented) -> None:
    targets = event.form.keys() | {record["material"] for record in event.materials}
    for notice in row.notices:
        for gap in notice.gaps:
            gap.done = gap.done or gap.target in targets
        if notice.number == event.notice:
            notice.supplemented_at = event.timestamp


def _step(row: CaseRow, recorded: Recorded, *, about: str = "", detail: Sealed | None = None) -> None:
    words: Ref | None = ref_or_none(detail)
    row.steps.append(
        StepRow(
            position=recorded.position,
            topic=recorded.topic,
            at=recorded.event.timestamp,
            actor=recorded.event.actor,
            channel=recorded.event.channel,
            about=about,
            detail=words,
        )
    )
