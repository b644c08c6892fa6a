"""A complaint (诉求) that a bad rating opened: closed is not solved; only the callback, or a leader, ends it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Literal
from uuid import UUID, uuid5

from cases.calendar import Calendar
from cases.clock import office_day
from cases.errors import WrongStateError
from cases.evaluation import CaseEvaluated, Evaluation
from cases.permissions import Subject
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event, Sealed

Result = Literal["solved", "partly", "unsolved", "not-reached"]


@dataclass(frozen=True, kw_only=True)
class ComplaintPeriods:
    """Working days: first contact with the person, and answer. Qingdao's own periods are not public, so these are
    settings; the defaults follow Shanghai's and Jinan's rules (contact within 1, answer within 5)."""

    contact: int = 1
    answer: int = 5


@dataclass(frozen=True, kw_only=True)
class Unit:
    """The office that a complaint goes to."""

    office: str
    region: str
    level: str


def complaint_id(evaluation_id: UUID) -> UUID:
    return uuid5(evaluation_id, "complaint")


def contact_due(opened: date, calendar: Calendar, periods: ComplaintPeriods) -> date:
    return calendar.after(opened, periods.contact)


class ComplaintOpened(CreatedEvent):
    """A real-named bad rating became a complaint. level: of the rating; due: ISO date by which it is answered."""

    TOPIC = "complaint-opened"

    case: str
    evaluation: str
    level: int
    office_level: str
    due: str
    applicant: str

    def apply(self, aggregate: Complaint) -> None:
        aggregate.office, aggregate.region = self.office, self.region
        aggregate.case = UUID(self.case)
        aggregate.level = self.level
        aggregate.office_level = self.office_level
        aggregate.due = date.fromisoformat(self.due)
        aggregate.applicant = self.applicant
        aggregate.status = "open"


class ComplaintAnswered(Event):
    """The unit in charge replied to the person."""

    TOPIC = "complaint-answered"

    reply: Sealed

    def apply(self, aggregate: Complaint) -> None:
        aggregate.status = "answered"


class CallbackRecorded(Event):
    """The person was called back (回访), or was not reached at the nth attempt."""

    TOPIC = "callback-recorded"

    result: Result
    attempt: int
    note: Sealed | None

    def apply(self, aggregate: Complaint) -> None:
        aggregate.attempts = self.attempt
        if self.result in ("partly", "unsolved"):
            # Whoever is in charge next answers and calls back anew.
            aggregate.status = "open"


class ComplaintEscalated(Event):
    """Not solved, so the office one level up has it now (提级督办): its office and region are the event's."""

    TOPIC = "complaint-escalated"

    to_level: str
    to_office: str
    due: str

    def apply(self, aggregate: Complaint) -> None:
        aggregate.office, aggregate.region = self.to_office, self.region
        aggregate.office_level = self.to_level
        aggregate.due = date.fromisoformat(self.due)
        aggregate.attempts = 0
        aggregate.status = "escalated"


class ComplaintSolved(Event):
    """The person said that it is solved."""

    TOPIC = "complaint-solved"

    def apply(self, aggregate: Complaint) -> None:
        aggregate.status = "solved"


class ComplaintDecided(Event):
    """A leader ended it by a decision; told_by: how the person was told."""

    TOPIC = "complaint-decided"

    decision: Sealed
    told_by: str

    def apply(self, aggregate: Complaint) -> None:
        aggregate.status = "decided"


class Complaint(Aggregate, topic="complaint"):
    def blank(self) -> None:
        self.office = ""
        self.region = ""
        self.case = UUID(int=0)
        self.level = 0
        self.office_level = ""
        self.due = date.min
        self.applicant = ""
        self.attempts = 0
        self.status: Literal["open", "answered", "escalated", "solved", "decided"] = "open"

    def subject(self) -> Subject:
        """After an escalation the upper office's region holds, so that the lower unit may not close it (R15)."""
        return Subject(office=self.office, region=self.region, applicant=self.applicant)

    @classmethod
    def open(
        cls,
        context: Context,
        evaluation: Evaluation,
        *,
        office_level: str,
        calendar: Calendar,
        periods: ComplaintPeriods,
    ) -> Complaint:
        if not evaluation.real_named or evaluation.level > CaseEvaluated.BAD:
            raise WrongStateError(
                "只有实名的“不满意”“非常不满意”评价才转为诉求。",
                "Only a real-named rating in the two lowest levels becomes a complaint.",
            )
        return cls.begin(
            ComplaintOpened,
            context,
            id=complaint_id(evaluation.id),
            case=str(evaluation.case),
            evaluation=str(evaluation.id),
            level=evaluation.level,
            office_level=office_level,
            due=calendar.after(office_day(context.at), periods.answer).isoformat(),
            applicant=evaluation.applicant,
        )

    def answer(self, context: Context, *, reply: Sealed) -> None:
        self._must_be_unfinished()
        self.trigger(ComplaintAnswered, context, reply=reply)

    def record_callback(
        self,
        context: Context,
        *,
        result: Result,
        note: Sealed | None,
        above: Unit | None,
        calendar: Calendar,
        periods: ComplaintPeriods,
    ) -> None:
        """above: the next office up the tree, None at the top, where it stays open for the head's decision."""
        self._must_be_unfinished()
        if self.status != "answered":
            raise WrongStateError(
                "请先答复诉求人，再登记回访。", "Answer the person first, then record the callback.", status=self.status
            )
        self.trigger(CallbackRecorded, context, result=result, attempt=self.attempts + 1, note=note)
        if result == "solved":
            self.trigger(ComplaintSolved, context)
        elif result in ("partly", "unsolved") and above is not None:
            self.trigger(
                ComplaintEscalated,
                replace(context, office=above.office, region=above.region),
                to_level=above.level,
                to_office=above.office,
                due=calendar.after(office_day(context.at), periods.answer).isoformat(),
            )

    def decide(self, context: Context, *, decision: Sealed, told_by: str) -> None:
        self._must_be_unfinished()
        if not told_by:
            raise WrongStateError(
                "请先把决定告知诉求人，并登记告知方式。", "Tell the person of the decision first, and record how."
            )
        self.trigger(ComplaintDecided, context, decision=decision, told_by=told_by)

    def _must_be_unfinished(self) -> None:
        if self.status in ("solved", "decided"):
            raise WrongStateError(
                "这件诉求已经办结。如申请人仍不满意，请另行登记新的诉求。",
                "This complaint is finished. If the person is still dissatisfied, register a new one.",
                status=self.status,
            )
