"""What each command on an inspection does: load, ask permission, call the aggregate, answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from uuid import UUID, uuid4

from cases.case import Case, Status
from cases.catalogue import CheckItem
from cases.commands import Command
from cases.dispatch import Answer, Desk, Handler, Handlers
from cases.errors import InvalidInputError, WrongStateError
from cases.organisation import Staff, staff_ref
from cases.permissions import Role, person_id
from eventstore import AggregateNotFoundError, Sealed
from inspection import commands as c
from inspection import notice
from inspection.errors import InspectorsError, ModeNotAllowedError
from inspection.inspection import Inspection

PLACE = "address"
"""The form field that says where the premises are."""

_INSPECTABLE = (Status.ACCEPTED, Status.INSPECTING, Status.INSPECTED)


async def _plan(new_id: Callable[[], UUID], desk: Desk, command: c.PlanInspection) -> Answer:
    case = await desk.get(Case, command.case_id)
    _require_in_hand(case)
    if command.mode == "remote" and case.inspection_mode == "on-site":
        raise ModeNotAllowedError(
            "申请人选择了现场勘验，请安排现场勘验。", "The applicant chose an inspection on site. Plan one on site."
        )
    await _require_none_unfinished(desk, case)
    await _require_inspectors(desk, case, command.inspectors)
    place = case.form.get(PLACE)
    if isinstance(place, str):
        place = (await desk.seal(person_id(case.applicant), case.id, {PLACE: place}))[PLACE]
    inspection = Inspection.plan(
        desk.context,
        id=new_id(),
        case=case.id,
        case_number=case.number,
        item=desk.catalogue.version(case.item, case.item_version),
        mode=command.mode,
        inspectors=[staff_ref(staff) for staff in command.inspectors],
        applicant=case.applicant,
        contact=case.contact,
        place=place,
    )
    desk.add(inspection)
    return {"inspection_id": str(inspection.id)}


def _require_in_hand(case: Case) -> None:
    """What is collected after the decision cannot support it (行政诉讼证据规定 §60), and a withdrawn case is over."""
    if case.status not in _INSPECTABLE:
        raise WrongStateError(
            "本件受理之后、决定之前才能勘验。", "Inspections follow acceptance and precede the decision."
        )


async def _require_current(desk: Desk, inspection: Inspection) -> None:
    """The case is in hand, and no other inspection was planned in place of this one."""
    case = await desk.peek(Case, UUID(inspection.case))
    _require_in_hand(case)
    noted = list(case.inspections)
    if str(inspection.id) in noted[:-1]:
        raise WrongStateError(
            "本次勘验已由新安排的勘验代替，请在新的勘验中办理。",
            "Another inspection was planned in place of this one. Go on there.",
            inspection_id=noted[-1],
        )


async def _require_none_unfinished(desk: Desk, case: Case) -> None:
    """One that never started may be planned anew, with other inspectors or another mode."""
    for earlier in case.inspections:
        inspection = await desk.peek(Inspection, UUID(earlier))
        if inspection.started_at is not None and inspection.status != "sealed":
            raise WrongStateError(
                "上一次勘验尚未办结，请先完成并签署勘验单。",
                "The previous inspection is not finished. Complete it and have its sheet signed first.",
                inspection_id=earlier,
            )


async def _require_inspectors(desk: Desk, case: Case, inspectors: list[UUID]) -> None:
    for staff_id in inspectors:
        try:
            staff = await desk.peek(Staff, staff_id)
        except AggregateNotFoundError as unknown:
            raise InspectorsError from unknown
        if staff.office != case.office or Role.REVIEWER not in staff.roles:
            raise InspectorsError(
                "勘验人员须为办理本件的单位的审查人员，请重新选择。",
                "Inspectors are reviewers of the office that handles the case. Choose again.",
                staff_id=str(staff_id),
            )


async def _offer_slot(desk: Desk, command: c.OfferSlot) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    await _require_current(desk, inspection)
    inspection.offer_slot(desk.context, starts_at=command.starts_at, minutes=command.minutes)
    return {"invitation": inspection.invitation}


async def _bind_invitation(desk: Desk, command: c.BindInvitation) -> Answer:
    inspection = await desk.peek(Inspection, command.inspection_id)
    desk.permit(inspection.subject(inviting=True))
    inspection.bind_invitation(desk.context)
    return {"guest": inspection.guest}


async def _confirm_slot(desk: Desk, command: c.ConfirmSlot) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.confirm_slot(desk.context)
    return {}


async def _answer_notice(desk: Desk, command: c.AnswerNotice) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    text = notice.require_current(command.version)
    inspection.answer_notice(desk.context, version=text.version, digest=text.digest, accepted=command.accepted)
    return {"mode": inspection.mode}


async def _refuse_remote(desk: Desk, command: c.RefuseRemote) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.refuse_remote(desk.context, reason=command.reason)
    return {"mode": inspection.mode}


async def _move_on_site(desk: Desk, command: c.MoveOnSite) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    reason = await _seal(desk, inspection, "move-reason", command.reason)
    inspection.move_on_site(desk.context, reason=reason)
    return {"mode": inspection.mode}


async def _note_presence(desk: Desk, command: c.NotePresence) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.note_presence(desk.context, party=command.party, present=command.present)
    return {}


async def _note_recording(desk: Desk, command: c.NoteRecording) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    context, part, who = desk.context, command.part, command.participant
    match command.stage:
        case "opened":
            inspection.open_recording(context, participant=who, part=part)
        case "head":
            inspection.note_head(context, participant=who, part=part, head=command.head, size=command.size)
        case "sealed" | "recovered":
            inspection.seal_recording(
                context,
                participant=who,
                part=part,
                head=command.head,
                size=command.size,
                first=command.first,
                last=command.last,
                gaps=command.gaps,
                recovered=command.stage == "recovered",
            )
    return {}


async def _arrive_on_site(desk: Desk, command: c.ArriveOnSite) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    position = None
    if command.latitude is not None and command.longitude is not None:
        if not (-90 <= command.latitude <= 90 and -180 <= command.longitude <= 180):
            raise InvalidInputError("定位坐标有误，请重新定位。", "These coordinates do not exist. Locate again.")
        spot = {"latitude": command.latitude, "longitude": command.longitude, "accuracy": command.accuracy}
        position = await _seal(desk, inspection, "position", json.dumps(spot))
    desk.on_the_spot()
    inspection.arrive_on_site(desk.context, party=inspection.party(desk.actor.id), position=position)
    return {}


async def _start(desk: Desk, command: c.StartInspection) -> Answer:
    inspection = await _work_on(desk, command.inspection_id)
    await _require_current(desk, inspection)
    inspection.start(desk.context)
    return {}


async def _take_still(desk: Desk, command: c.TakeStill) -> Answer:
    inspection = await _work_on(desk, command.inspection_id)
    inspection.take_still(
        desk.context,
        still=command.still_id,
        check=_check(desk, inspection, command.item),
        party=inspection.party(desk.actor.id),
        sha256=command.sha256,
        marked_sha256=command.marked_sha256,
        width=command.width,
        height=command.height,
    )
    return {"still_id": str(command.still_id)}


async def _judge(desk: Desk, command: c.JudgeItem) -> Answer:
    inspection = await _work_on(desk, command.inspection_id)
    words = command.note.strip()
    note = await _seal(desk, inspection, "item-note", words) if words else None
    inspection.judge(
        desk.context,
        check=_check(desk, inspection, command.item),
        verdict=command.verdict,
        note=note,
        stills=command.stills,
        mend_by=command.mend_by,
    )
    return {}


async def _tell_findings(desk: Desk, command: c.TellFindings) -> Answer:
    inspection = await _work_on(desk, command.inspection_id)
    inspection.tell_findings(desk.context, checklist=_checklist(desk, inspection))
    return {}


async def _end(desk: Desk, command: c.EndInspection) -> Answer:
    inspection = await _work_on(desk, command.inspection_id)
    inspection.end(desk.context, checklist=_checklist(desk, inspection))
    return {"outcome": inspection.outcome}


async def _draft_sheet(desk: Desk, command: c.DraftSheet) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.draft_sheet(desk.context, record=command.record_id, digest=command.digest)
    return {"digest": command.digest}


async def _sign(desk: Desk, command: c.SignSheet) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.sign(
        desk.context,
        party=inspection.party(desk.actor.id),
        digest=command.digest,
        handwriting=command.handwriting_id,
        handwriting_sha256=command.handwriting_sha256,
    )
    return {"waiting_for": inspection.unsigned}


async def _refuse_signature(desk: Desk, command: c.RefuseSignature) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    reason = await _seal(desk, inspection, "refusal-reason", command.reason)
    inspection.refuse_signature(
        desk.context, party=inspection.party(desk.actor.id), digest=command.digest, reason=reason
    )
    return {"waiting_for": inspection.unsigned}


async def _seal_sheet(desk: Desk, command: c.SealSheet) -> Answer:
    inspection = await desk.get(Inspection, command.inspection_id)
    inspection.seal_sheet(desk.context, pdf=command.pdf_id, pdf_sha256=command.pdf_sha256)
    return {}


async def _work_on(desk: Desk, id: UUID) -> Inspection:
    """Whoever has arrived at the premises does there what he does until the end."""
    inspection = await desk.get(Inspection, id)
    if desk.actor.id in inspection.on_site and not inspection.over:
        desk.on_the_spot()
    return inspection


async def _seal(desk: Desk, inspection: Inspection, name: str, value: str) -> Sealed:
    """Under the applicant's key of this case: erasing him erases what was written about him."""
    return (await desk.seal(person_id(inspection.applicant), UUID(inspection.case), {name: value}))[name]


def _checklist(desk: Desk, inspection: Inspection) -> list[CheckItem]:
    return desk.catalogue.version(inspection.item, inspection.item_version).checklist


def _check(desk: Desk, inspection: Inspection, code: str) -> CheckItem:
    return desk.catalogue.version(inspection.item, inspection.item_version).check(code)


_HANDLERS: Mapping[type[Command], Handler] = {
    c.OfferSlot: _offer_slot,
    c.BindInvitation: _bind_invitation,
    c.ConfirmSlot: _confirm_slot,
    c.AnswerNotice: _answer_notice,
    c.RefuseRemote: _refuse_remote,
    c.MoveOnSite: _move_on_site,
    c.NotePresence: _note_presence,
    c.NoteRecording: _note_recording,
    c.ArriveOnSite: _arrive_on_site,
    c.StartInspection: _start,
    c.TakeStill: _take_still,
    c.JudgeItem: _judge,
    c.TellFindings: _tell_findings,
    c.EndInspection: _end,
    c.DraftSheet: _draft_sheet,
    c.SignSheet: _sign,
    c.RefuseSignature: _refuse_signature,
    c.SealSheet: _seal_sheet,
}


def inspection_handlers(*, new_id: Callable[[], UUID] = uuid4) -> Handlers:
    """new_id: where the ids of new inspections come from."""
    return Handlers({**_HANDLERS, c.PlanInspection: partial(_plan, new_id)})
