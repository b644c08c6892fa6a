"""Working days (工作日) of mainland China: announced holidays and make-up days, and the plain week beyond them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version

import chinese_calendar.constants as announced

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """The days that differ from the plain week, for the years that the State Council has announced.

    version: recorded in events, so that a date can be explained years later.
    closed: holidays; opened: make-up working days (调休); years: first and last announced year, inclusive.
    """

    version: str
    closed: frozenset[date]
    opened: frozenset[date]
    years: tuple[int, int]

    def is_provisional(self, day: date) -> bool:
        """Whether the year has not been announced, so that only the plain week is known."""
        first, last = self.years
        return not first <= day.year <= last

    def is_working_day(self, day: date) -> bool:
        return day in self.opened or (day.weekday() < _SATURDAY and day not in self.closed)

    def after(self, start: date, days: int) -> date:
        """The last day of a period of working days; the day after `start` is day one (行政许可法 §82).

        A period of no days ends on the day it starts.
        """
        day = start
        while days > 0:
            day += _DAY
            days -= self.is_working_day(day)
        return day

    def between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; negative when `end` lies before `start`."""
        if end < start:
            return -self.between(end, start)
        return sum(self.is_working_day(start + _DAY * n) for n in range(1, (end - start).days + 1))


@cache
def mainland() -> Calendar:
    """The calendar that `chinesecalendar` carries."""
    days = [*announced.holidays, *announced.workdays]
    return Calendar(
        version=f"chinesecalendar-{version('chinesecalendar')}",
        closed=frozenset(announced.holidays),
        opened=frozenset(announced.workdays),
        years=(min(days).year, max(days).year),
    )
