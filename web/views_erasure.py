"""What the pages about erasure and legal holds show."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cases.catalogue import Bilingual
from web.views import Person
from web.views_words import View


class HoldView(View, frozen=True, kw_only=True):
    """until: ISO date, or empty without a last day. confirmed: whether the office confirmed the rule's period."""

    hold: int
    basis: str
    until: str
    stands: bool
    by_rule: bool
    confirmed: bool
    placed_by: str
    placed_at: datetime
    asked_by: Person | None
    ground: str


class ErasableCase(View, frozen=True, kw_only=True):
    """why: `held`, `open` or `erased` when it is left, else empty."""

    id: UUID
    number: str
    item_name: Bilingual
    status: str
    received_at: datetime
    why: str
    holds: list[HoldView]


class FoundPerson(View, frozen=True, kw_only=True):
    """person: pseudonym, None when nobody is known. chosen: the case that was searched for. elsewhere: cases of other
    regions, which are not shown."""

    person: UUID | None
    cases: list[ErasableCase]
    chosen: UUID | None
    elsewhere: int


class CaseBrief(View, frozen=True, kw_only=True):
    id: UUID
    number: str
    why: str


class ErasureView(View, frozen=True, kw_only=True):
    id: UUID
    status: str
    whole: bool
    basis: str
    cases: list[CaseBrief]
    left: list[CaseBrief]
    asked_by: Person
    asked_at: datetime
    decided_by: Person | None
    decided_at: datetime | None
    ground: str
    done_at: datetime | None
    keys: int
    entries: int
    files: int
    recordings: int
    forgotten: bool
    may: list[str]


class AskedRelease(View, frozen=True, kw_only=True):
    """A hold whose release waits for a second person."""

    case: CaseBrief
    hold: HoldView
    may: list[str]


class ErasureList(View, frozen=True, kw_only=True):
    erasures: list[ErasureView]
    releases: list[AskedRelease]
