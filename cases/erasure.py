"""Erasing a person's data (删除个人信息, 个人信息保护法 §47): asked for by one, approved by another, then carried out.

The events hold pseudonyms, codes and ids of what was destroyed. There is no field for words: they would have to outlive
the person that they are about.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypedDict
from uuid import UUID

from cases.errors import RefusedError, WrongStateError
from cases.hold import SamePersonError
from cases.permissions import Subject
from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event


class LeftCase(TypedDict):
    """why: `held`, or `open` while the office still needs it."""

    case: str
    why: str


class ErasedRecording(TypedDict):
    inspection: str
    participant: str
    part: int


class ErasureRequested(CreatedEvent):
    """One member of staff asked. whole: also what is the person's own beside these cases; basis: a code of PIPL §47.

    cases: what is to be erased, exactly; what the person files later is not meant. left: cases that stay, and why.
    """

    TOPIC = "erasure-requested"

    person: str
    whole: bool
    basis: str
    cases: list[str]
    left: list[LeftCase]

    def apply(self, aggregate: Erasure) -> None:
        aggregate.office, aggregate.region = self.office, self.region
        aggregate.person = UUID(self.person)
        aggregate.whole = self.whole
        aggregate.basis = self.basis
        aggregate.cases = [UUID(case) for case in self.cases]
        aggregate.asked_by = self.actor
        aggregate.status = "requested"


class ErasureApproved(Event):
    """Another member of staff approved: from here on it is carried out."""

    TOPIC = "erasure-approved"

    def apply(self, aggregate: Erasure) -> None:
        aggregate.approved_by = self.actor
        aggregate.status = "approved"


class ErasureDeclined(Event):
    TOPIC = "erasure-declined"

    ground: str

    def apply(self, aggregate: Erasure) -> None:
        aggregate.status = "declined"


class PersonalDataErased(Event):
    """It is gone, durably: `keys` data keys with `entries` values under them, files and recordings by id.

    forgotten: nothing of the person is left, so the way from his telephone to his pseudonym went too.
    left: cases that a hold, placed since the approval, kept.
    """

    TOPIC = "personal-data-erased"

    basis: str
    asked_by: str
    approved_by: str
    cases: list[str]
    left: list[LeftCase]
    keys: int
    entries: int
    files: list[str]
    recordings: list[ErasedRecording]
    forgotten: bool

    def apply(self, aggregate: Erasure) -> None:
        aggregate.status = "erased"


class ErasureHeldBack(Event):
    """Nothing could be erased: holds were placed between request and approval."""

    TOPIC = "erasure-held-back"

    left: list[LeftCase]

    def apply(self, aggregate: Erasure) -> None:
        aggregate.status = "held-back"


class HeldError(RefusedError):
    """details.left: cases and why they stay."""

    code = "legal-hold"
    zh = "所选办件仍在办理或依法留存，目前不能删除。留存解除或期满后再申请。"
    en = "These cases are still open or kept by law, so they cannot be erased now. Ask again when that has ended."


class Erasure(Aggregate, topic="erasure"):
    def blank(self) -> None:
        self.office = ""
        self.region = ""
        self.person = UUID(int=0)
        self.whole = False
        self.basis = ""
        self.cases: list[UUID] = []
        self.asked_by = ""
        self.approved_by = ""
        self.status: Literal["requested", "approved", "declined", "erased", "held-back"] = "requested"

    def subject(self) -> Subject:
        return Subject(office=self.office, region=self.region)

    @property
    def finished(self) -> bool:
        return self.status in ("erased", "held-back", "declined")

    @classmethod
    def request(
        cls,
        context: Context,
        *,
        id: UUID,
        person: UUID,
        whole: bool,
        basis: str,
        cases: Iterable[UUID],
        left: list[LeftCase],
    ) -> Erasure:
        chosen = [str(case) for case in cases]
        if not chosen and not whole:
            raise HeldError(left=left)
        return cls.begin(
            ErasureRequested, context, id=id, person=str(person), whole=whole, basis=basis, cases=chosen, left=left
        )

    def approve(self, context: Context) -> None:
        self._as_another(context)
        self.trigger(ErasureApproved, context)

    def decline(self, context: Context, *, ground: str) -> None:
        self._as_another(context)
        self.trigger(ErasureDeclined, context, ground=ground)

    def complete(
        self,
        context: Context,
        *,
        cases: Iterable[UUID],
        left: list[LeftCase],
        keys: int,
        entries: int,
        files: list[str],
        recordings: list[ErasedRecording],
        forgotten: bool,
    ) -> None:
        """What was carried out. Told again, nothing changes."""
        if self.finished:
            return
        if self.status != "approved":
            raise WrongStateError("这项删除尚未批准。", "This erasure has not been approved.")
        erased = [str(case) for case in cases]
        if not erased and not self.whole:
            self.trigger(ErasureHeldBack, context, left=left)
            return
        self.trigger(
            PersonalDataErased,
            context,
            basis=self.basis,
            asked_by=self.asked_by,
            approved_by=self.approved_by,
            cases=erased,
            left=left,
            keys=keys,
            entries=entries,
            files=files,
            recordings=recordings,
            forgotten=forgotten,
        )

    def _as_another(self, context: Context) -> None:
        if self.status != "requested":
            raise WrongStateError("这项申请已经答复。", "This request has been answered.", status=self.status)
        if context.actor == self.asked_by:
            raise SamePersonError
