"""Ratings and what follows from bad ones (好差评、诉求、回访、提级督办)."""

from __future__ import annotations

from cases.calendar import Calendar
from cases.case import Case
from cases.clock import office_day
from cases.commands import AnswerComplaint, DecideComplaint, EvaluateCase, OpenComplaint, RecordCallback
from cases.complaint import Complaint, ComplaintPeriods, Unit, complaint_id, contact_due
from cases.directory import Directory
from cases.dispatch import Answer, Desk
from cases.errors import WrongStateError
from cases.evaluation import Evaluation, evaluation_id
from cases.handlers.filing import seal_one
from eventstore import AggregateNotFoundError
from eventstore.aggregate import Sealed


class Complaints:
    def __init__(self, directory: Directory, calendar: Calendar, periods: ComplaintPeriods) -> None:
        self._directory = directory
        self._calendar = calendar
        self._periods = periods

    async def evaluate(self, desk: Desk, command: EvaluateCase) -> Answer:
        case = await desk.get(Case, command.case_id)
        await _refuse_second_rating(desk, case)
        comment = command.comment.strip()
        evaluation = Evaluation.evaluate(
            desk.context,
            case,
            level=command.level,
            real_named=command.real_named,
            comment=await seal_one(desk, case, "comment", comment) if comment else None,
        )
        desk.add(evaluation)
        return {"evaluation_id": str(evaluation.id), "case_id": str(case.id)}

    async def open(self, desk: Desk, command: OpenComplaint) -> Answer:
        """Opened once; asking again answers the same."""
        evaluation = await desk.peek(Evaluation, command.evaluation_id)
        case = await desk.get(Case, evaluation.case)
        try:
            complaint = await desk.peek(Complaint, complaint_id(evaluation.id))
        except AggregateNotFoundError:
            complaint = Complaint.open(
                desk.context,
                evaluation,
                office_level=self._directory.office(case.office).level,
                calendar=self._calendar,
                periods=self._periods,
            )
            desk.add(complaint)
        contact = contact_due(office_day(complaint.created_on), self._calendar, self._periods)
        return {"complaint_id": str(complaint.id), "contact_due": contact.isoformat(), "due": complaint.due.isoformat()}

    async def answer(self, desk: Desk, command: AnswerComplaint) -> Answer:
        complaint = await desk.get(Complaint, command.complaint_id)
        complaint.answer(desk.context, reply=await self._seal(desk, complaint, "reply", command.reply))
        return {"complaint_id": str(complaint.id)}

    async def record_callback(self, desk: Desk, command: RecordCallback) -> Answer:
        complaint = await desk.get(Complaint, command.complaint_id)
        note = command.note.strip()
        above = self._directory.office_above(complaint.office)
        complaint.record_callback(
            desk.context,
            result=command.result,
            note=await self._seal(desk, complaint, "callback-note", note) if note else None,
            above=Unit(office=above.code, region=above.region, level=above.level) if above else None,
            calendar=self._calendar,
            periods=self._periods,
        )
        return {"complaint_id": str(complaint.id), "status": complaint.status}

    async def decide(self, desk: Desk, command: DecideComplaint) -> Answer:
        complaint = await desk.get(Complaint, command.complaint_id)
        decision = await self._seal(desk, complaint, "decision", command.decision)
        complaint.decide(desk.context, decision=decision, told_by=command.told_by)
        return {"complaint_id": str(complaint.id)}

    async def _seal(self, desk: Desk, complaint: Complaint, name: str, text: str) -> Sealed:
        return await seal_one(desk, await desk.peek(Case, complaint.case), name, text)


async def _refuse_second_rating(desk: Desk, case: Case) -> None:
    try:
        await desk.peek(Evaluation, evaluation_id(case.id))
    except AggregateNotFoundError:
        return
    raise WrongStateError(
        "本件已经评价过，一件一评。如有新的意见，请拨打 12345。",
        "This case has been rated; each is rated once. If there is more to say, call 12345.",
    )
