"""Views that say what comes next, or what an event was about, in words; shown as parts of those in `web.views`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from cases.catalogue import Bilingual


class View(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all views."""


class MendItem(View, frozen=True, kw_only=True):
    """An item of the checklist that is to be mended, or still to be seen. by: until when, if a date was set."""

    code: str
    title: Bilingual
    by: datetime | None
    note: str | None
    advice: str


class FollowUp(View, frozen=True, kw_only=True):
    """After an inspection that was not passed: what to mend, by when (`due` is the last date), and what follows."""

    inspection_id: UUID
    outcome: Literal["", "passed", "rectify", "failed", "on-site"]
    items: list[MendItem]
    due: datetime | None
    stage: Literal["to-mend", "recheck-planned"]
    text: Bilingual


class Licence(View, frozen=True, kw_only=True):
    """After granting: the licence's last day (ISO date), and how it reaches the applicant."""

    ends: str
    days: int
    provisional: bool
    basis: str
    text: Bilingual
    collect: Bilingual
    collect_confirmed: bool  # false: shown as "to be confirmed by the office"


class Fact(View, frozen=True, kw_only=True):
    """A fact of an event by name, its value in words; `code` is the name under which `facts` holds it."""

    code: str
    name: Bilingual
    value: Bilingual
