"""A return visit (复诊号): the applicant comes back to the counter; no new ticket, the same officer."""

from __future__ import annotations

import hashlib
from datetime import date
from uuid import UUID, uuid5

from cases.errors import WrongStateError
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event, Sealed


def visit_id(case_id: UUID, day: date, ordinal: int) -> UUID:
    """The nth visit of a day: two clicks at the counter meet in one visit."""
    return uuid5(case_id, f"visit/{day.isoformat()}/{ordinal}")


def visit_number(id: UUID, day: date) -> str:
    """`F0921-482`: short enough to be called out at the counter; day and three digits made from the id."""
    digits = int.from_bytes(hashlib.sha256(id.bytes).digest()[:8]) % 1000
    return f"F{day:%m%d}-{digits:03d}"


class VisitOpened(CreatedEvent):
    """The applicant is here again for his case; `officer` (`staff:<uuid>`) is the companion, who serves him."""

    TOPIC = "visit-opened"

    case: str
    number: str
    officer: str

    def apply(self, aggregate: Visit) -> None:
        aggregate.case = UUID(self.case)
        aggregate.number = self.number
        aggregate.officer = self.officer
        aggregate.is_open = True


class VisitClosed(Event):
    """The visit is over; `outcome` says what was done."""

    TOPIC = "visit-closed"

    outcome: Sealed

    def apply(self, aggregate: Visit) -> None:
        aggregate.is_open = False


class Visit(Aggregate, topic="visit"):
    def blank(self) -> None:
        self.case = UUID(int=0)
        self.number = ""
        self.officer = ""
        self.is_open = False

    @classmethod
    def open(cls, context: Context, *, id: UUID, case_id: UUID, number: str, officer: str) -> Visit:
        return cls.begin(VisitOpened, context, id=id, case=str(case_id), number=number, officer=officer)

    def close(self, context: Context, *, outcome: Sealed) -> None:
        if not self.is_open:
            raise WrongStateError(
                "这次复诊已经结束。申请人再次到窗口时，请重新领取复诊号。",
                "This visit is over. When the applicant comes again, open a new one.",
            )
        self.trigger(VisitClosed, context, outcome=outcome)
