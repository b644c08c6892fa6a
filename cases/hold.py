"""Legal holds (保全、留存): why the papers of a case may not be erased now, and until when.

All holds of a case are one stream, whose id the database can work out from the case's (migrations/0001_erasure.sql).
One member of staff places a hold; releasing it takes two. No words of people stand here: bases and grounds are codes.
"""

from __future__ import annotations

from datetime import date
from typing import Final, TypedDict
from uuid import UUID, uuid3

from cases.clock import office_day
from cases.errors import MissingError, NotPermittedError, WrongStateError
from cases.permissions import Subject
from cases.retention import RULES
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event

OPEN: Final = ""
"""`until` of a hold without a last day: it stands until it is released."""


def holds_id(case_id: UUID) -> UUID:
    return uuid3(case_id, "legal-holds")


class HoldsOpened(CreatedEvent):
    """The case has a hold for the first time."""

    TOPIC = "holds-opened"

    case: str

    def apply(self, aggregate: Holds) -> None:
        aggregate.case = UUID(self.case)
        aggregate.office, aggregate.region = self.office, self.region


class HoldPlaced(Event):
    """The papers are kept. until: ISO date of the last day, or empty; rule: version of the retention table."""

    TOPIC = "hold-placed"

    hold: int
    basis: str
    until: str
    rule: str

    def apply(self, aggregate: Holds) -> None:
        aggregate.holds = {
            **aggregate.holds,
            self.hold: Hold(basis=self.basis, until=self.until, asked_by="", released=False),
        }


class HoldReleaseRequested(Event):
    """One member of staff asked for the release; it stands until another agrees."""

    TOPIC = "hold-release-requested"

    hold: int
    ground: str

    def apply(self, aggregate: Holds) -> None:
        aggregate.amend(self.hold, asked_by=self.actor)


class HoldReleaseDeclined(Event):
    TOPIC = "hold-release-declined"

    hold: int
    ground: str

    def apply(self, aggregate: Holds) -> None:
        aggregate.amend(self.hold, asked_by="")


class HoldReleased(Event):
    """The second member of staff agreed; the hold stands no more."""

    TOPIC = "hold-released"

    hold: int
    asked_by: str

    def apply(self, aggregate: Holds) -> None:
        aggregate.amend(self.hold, released=True)


class Hold(TypedDict):
    """asked_by: who asked for its release, while that waits for an answer."""

    basis: str
    until: str
    asked_by: str
    released: bool


def stands(hold: Hold, today: date) -> bool:
    return not hold["released"] and (hold["until"] == OPEN or date.fromisoformat(hold["until"]) >= today)


class Holds(Aggregate, topic="holds"):
    def blank(self) -> None:
        self.case = UUID(int=0)
        self.office = ""
        self.region = ""
        self.holds: dict[int, Hold] = {}

    def subject(self) -> Subject:
        return Subject(office=self.office, region=self.region)

    def amend(self, hold: int, *, asked_by: str | None = None, released: bool = False) -> None:
        amended = self.holds[hold].copy()
        if asked_by is not None:
            amended["asked_by"] = asked_by
        amended["released"] |= released
        self.holds = {**self.holds, hold: amended}

    def standing(self, today: date) -> dict[int, Hold]:
        return {number: hold for number, hold in self.holds.items() if stands(hold, today)}

    @classmethod
    def open(cls, context: Context, case_id: UUID) -> Holds:
        return cls.begin(HoldsOpened, context, id=holds_id(case_id), case=str(case_id))

    def place(self, context: Context, *, basis: str, until: date | None, rule: str = "") -> int:
        """The hold's number. What a rule keeps is placed once, however often the rule is asked."""
        if basis in RULES:
            for number, hold in self.holds.items():
                if hold["basis"] == basis:
                    return number
        if until is not None and until < office_day(context.at):
            raise WrongStateError("留存期限已过，请核对日期。", "This last day has passed. Check the date.")
        number = len(self.holds) + 1
        self.trigger(
            HoldPlaced, context, hold=number, basis=basis, until=until.isoformat() if until else OPEN, rule=rule
        )
        return number

    def request_release(self, context: Context, *, hold: int, ground: str) -> None:
        if self._standing(context, hold)["asked_by"]:
            raise WrongStateError(
                "已有人申请解除，等待另一人确认。", "Its release was asked for; another has to agree."
            )
        self.trigger(HoldReleaseRequested, context, hold=hold, ground=ground)

    def release(self, context: Context, *, hold: int) -> None:
        self._as_another(context, hold)
        self.trigger(HoldReleased, context, hold=hold, asked_by=self.holds[hold]["asked_by"])

    def decline_release(self, context: Context, *, hold: int, ground: str) -> None:
        self._as_another(context, hold)
        self.trigger(HoldReleaseDeclined, context, hold=hold, ground=ground)

    def _standing(self, context: Context, hold: int) -> Hold:
        if hold not in self.holds:
            raise MissingError
        if not stands(self.holds[hold], office_day(context.at)):
            raise WrongStateError("这项留存已经结束，无需解除。", "This hold stands no more.")
        return self.holds[hold]

    def _as_another(self, context: Context, hold: int) -> None:
        asked_by = self._standing(context, hold)["asked_by"]
        if not asked_by:
            raise WrongStateError("没有待确认的解除申请。", "Nobody has asked for its release.")
        if context.actor == asked_by:
            raise SamePersonError


class SamePersonError(NotPermittedError):
    """Two-person rule: who asked does not answer."""

    code = "same-person"
    zh = "申请人不能自己批准，请由另一位管理员办理。"
    en = "Whoever asked cannot answer too. Another administrator has to."
