"""The clock of a case: which day it is in the office, and when a period ends. Pure functions of events and calendar."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone

from cases.calendar import Calendar

# China has kept one time without summer time since 1991, so no zone database is needed.
SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")


@dataclass(frozen=True, kw_only=True)
class Deadline:
    """A period in working days. `starts` is day zero; it ends at 24:00 of `ends`, Asia/Shanghai.

    provisional: a day of it lies in a year whose holidays have not been announced.
    """

    days: int
    starts: date
    ends: date
    provisional: bool
    calendar: str

    @property
    def expires_at(self) -> datetime:
        """The first instant that is too late."""
        return datetime.combine(self.ends + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)


def office_day(at: datetime) -> date:
    """The calendar day in Asia/Shanghai."""
    return at.astimezone(SHANGHAI).date()


def deadline(starts: date, days: int, calendar: Calendar) -> Deadline:
    ends = calendar.after(starts, days)
    return Deadline(
        days=days, starts=starts, ends=ends, provisional=calendar.is_provisional(ends), calendar=calendar.version
    )


def days_left(ends: date, today: date, calendar: Calendar) -> int:
    """Working days that remain after today; 0 on the last day, negative when overdue.

    Overdue by weekend days only still counts as one day: the period is over.
    """
    left = calendar.between(today, ends)
    return min(left, -1) if today > ends else left
