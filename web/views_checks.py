"""Views of the checklist, as parts of an inspection's."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from cases.catalogue import Bilingual
from web.views_words import View


class StillView(View, frozen=True, kw_only=True):
    id: UUID
    item: str
    taken_at: datetime
    by: str
    sha256: str
    url: str
    original_url: str


class CheckView(View, frozen=True, kw_only=True):
    """A checklist item with what was judged so far."""

    code: str
    title: Bilingual
    requirement: str
    basis: str
    trust: str
    confirmed: bool
    evidence: list[str]
    mandatory: bool
    veto: bool
    on_the_spot: bool
    advice: str
    verdict: str
    note: str | None
    mend_by: datetime | None
    judged_by: str
    judged_at: datetime | None
    stills: list[StillView]
