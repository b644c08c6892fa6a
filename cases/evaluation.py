"""The rating of a case by its applicant (好差评): five levels, once per matter, of his own free will."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar
from uuid import UUID, uuid5

from cases.case import Case, Status
from cases.errors import WrongStateError
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Sealed

_RATED = (Status.GRANTED, Status.REFUSED, Status.NOT_ACCEPTED)


def evaluation_id(case_id: UUID) -> UUID:
    return uuid5(case_id, "evaluation")


class CaseEvaluated(CreatedEvent):
    """The applicant rated the service, 5 (very satisfied) to 1. `applicant` is empty when he did so anonymously."""

    TOPIC = "case-evaluated"
    BAD: ClassVar[int] = 2  # this level and below is a bad rating (差评)

    case: str
    level: int
    real_named: bool
    comment: Sealed | None
    applicant: str

    def apply(self, aggregate: Evaluation) -> None:
        aggregate.case = UUID(self.case)
        aggregate.level = self.level
        aggregate.real_named = self.real_named
        aggregate.applicant = self.applicant


class Evaluation(Aggregate, topic="evaluation"):
    def blank(self) -> None:
        self.case = UUID(int=0)
        self.level = 0
        self.real_named = False
        self.applicant = ""

    @classmethod
    def evaluate(
        cls, context: Context, case: Case, *, level: int, real_named: bool, comment: Sealed | None
    ) -> Evaluation:
        """An anonymous rating names nobody, not even as the event's actor (国办发〔2019〕51号)."""
        if case.status not in _RATED:
            raise WrongStateError(
                "办结之后才能评价，请在收到办理结果后再评。",
                "A case is rated when it is finished. Come back when you have the result.",
            )
        if not real_named:
            context = replace(context, actor="person:anonymous", principal="person:anonymous")
        return cls.begin(
            CaseEvaluated,
            context,
            id=evaluation_id(case.id),
            case=str(case.id),
            level=level,
            real_named=real_named,
            comment=comment,
            applicant=case.applicant if real_named else "",
        )
