"""How long the papers of a case are kept, as data: the archives' own table of retention, until the office gives it.

Papers of permits are archived (档案法实施条例 §19, §24); the table that says how long is approved by the archive
authority and is the office's own. Its figures were not at hand, so `confirmed` is False and pages say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from cases.case import Case, Status

VERSION: Final = "2026-1"


@dataclass(frozen=True, kw_only=True)
class RetentionRule:
    """basis: of the hold that the rule places, stored in events; article: what the rule rests on."""

    basis: str
    years: int
    article: str
    confirmed: bool = False

    def until(self, day: date) -> date:
        """The last day of the period that begins on `day`."""
        try:
            return day.replace(year=day.year + self.years)
        except ValueError:  # 29 February
            return day.replace(year=day.year + self.years, day=28)


DECIDED = RetentionRule(basis="archive-decided", years=10, article="档案法实施条例 §19")
INSPECTED = RetentionRule(basis="archive-inspected", years=10, article="档案法实施条例 §19")
RULES: Final = {rule.basis: rule for rule in (DECIDED, INSPECTED)}


def rules_for(case: Case) -> Iterator[RetentionRule]:
    """The rules that a case falls under by what happened to it."""
    if case.status in (Status.GRANTED, Status.REFUSED):
        yield DECIDED
    if any(inspection["stage"] in ("ended", "sealed") for inspection in case.inspections.values()):
        yield INSPECTED
