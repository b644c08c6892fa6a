"""Working days and periods (行政许可法 §82; rule 3a-1)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import chinese_calendar
from hypothesis import given
from hypothesis import strategies as st

from cases.calendar import mainland
from cases.clock import days_left, deadline, office_day

CALENDAR = mainland()
ANNOUNCED = st.dates(date(2024, 1, 1), date(2026, 9, 1))


def test_twenty_working_days_from_21_september_2026_end_on_26_october() -> None:
    """3a-1, 3a-9: National Day is left out and the make-up Saturday of 10 October counts."""
    period = deadline(date(2026, 9, 21), 20, CALENDAR)
    assert period.ends == date(2026, 10, 26)
    assert not period.provisional


def test_a_period_ends_at_midnight_in_shanghai() -> None:
    period = deadline(date(2026, 9, 21), 1, CALENDAR)
    assert period.ends == date(2026, 9, 22)
    assert period.expires_at == datetime(2026, 9, 22, 16, 0, tzinfo=UTC)


def test_the_office_day_is_that_of_shanghai() -> None:
    assert office_day(datetime(2026, 9, 20, 16, 0, tzinfo=UTC)) == date(2026, 9, 21)
    assert office_day(datetime(2026, 9, 20, 15, 59, 59, tzinfo=UTC)) == date(2026, 9, 20)


def test_a_make_up_sunday_is_worked_and_the_holiday_is_not() -> None:
    assert CALENDAR.is_working_day(date(2026, 9, 20))
    assert not CALENDAR.is_working_day(date(2026, 10, 1))


def test_beyond_the_announced_years_the_plain_week_holds_and_is_provisional() -> None:
    period = deadline(date(2026, 12, 21), 20, CALENDAR)
    assert period.ends.year == 2027
    assert period.provisional
    assert CALENDAR.is_working_day(date(2027, 1, 4))
    assert not CALENDAR.is_working_day(date(2027, 1, 3))


def test_days_left_reach_zero_on_the_last_day_and_are_negative_afterwards() -> None:
    friday = date(2026, 9, 18)
    assert days_left(friday, date(2026, 9, 17), CALENDAR) == 1
    assert days_left(friday, friday, CALENDAR) == 0
    assert days_left(friday, date(2026, 9, 19), CALENDAR) == -1


@given(ANNOUNCED, st.integers(0, 60))
def test_a_period_agrees_with_a_day_by_day_count(start: date, days: int) -> None:
    """Counted independently, by the package's own question about each single day."""
    end, counted = start, 0
    while counted < days:
        end += timedelta(days=1)
        if chinese_calendar.is_workday(end):
            counted += 1
    assert CALENDAR.after(start, days) == end


@given(ANNOUNCED, st.integers(-300, 90))
def test_days_between_agree_with_a_day_by_day_count(start: date, distance: int) -> None:
    end = start + timedelta(days=distance)
    early, late = sorted((start, end))
    listed = chinese_calendar.get_workdays(early + timedelta(days=1), late) if early < late else []
    assert abs(CALENDAR.between(start, end)) == len(listed)


@given(ANNOUNCED, st.integers(0, 60))
def test_what_ends_in_n_days_has_n_days_left(start: date, days: int) -> None:
    assert CALENDAR.between(start, CALENDAR.after(start, days)) == days
