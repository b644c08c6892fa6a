"""Return visits, ratings and complaints: closed is not solved."""

from __future__ import annotations

from datetime import date

import pytest

from cases.calendar import mainland
from cases.complaint import Complaint, ComplaintEscalated, ComplaintPeriods, Result, Unit, complaint_id, contact_due
from cases.errors import WrongStateError
from cases.evaluation import CaseEvaluated, Evaluation
from cases.visit import Visit, visit_id, visit_number
from tests.builders import (
    APPLICANT,
    COMPANION,
    accepted_case,
    context,
    days_later,
    decided_case,
    received_case,
    sealed,
    uid,
)

CALENDAR = mainland()
PERIODS = ComplaintPeriods()
CITY = Unit(office="qd", region="3702", level="city")
OFFICER = "staff:complaints"


def rating(level: int = 1, *, real_named: bool = True) -> Evaluation:
    return Evaluation.evaluate(
        context(APPLICANT), decided_case(), level=level, real_named=real_named, comment=sealed("comment")
    )


def complaint() -> Complaint:
    return Complaint.open(context("system:test"), rating(), office_level="district", calendar=CALENDAR, periods=PERIODS)


def callback(opened: Complaint, result: Result, above: Unit | None = CITY) -> None:
    opened.record_callback(context(OFFICER), result=result, note=None, above=above, calendar=CALENDAR, periods=PERIODS)


def answered() -> Complaint:
    opened = complaint()
    opened.answer(context(OFFICER), reply=sealed("reply"))
    return opened


def test_a_return_visit_is_bound_to_the_companion_and_closed_once() -> None:
    """R3: no new ticket, the same officer."""
    case, day = received_case(), date(2026, 9, 22)
    id = visit_id(case.id, day, 1)
    visit = Visit.open(context(), id=id, case_id=case.id, number=visit_number(id, day), officer=case.companion)
    assert visit.officer == COMPANION
    assert visit.number.startswith("F0922-")
    visit.close(context(), outcome=sealed("outcome"))
    with pytest.raises(WrongStateError):
        visit.close(context(), outcome=sealed("outcome"))


def test_a_case_is_rated_when_it_is_finished() -> None:
    """3c-1."""
    with pytest.raises(WrongStateError):
        Evaluation.evaluate(context(APPLICANT), accepted_case(), level=5, real_named=True, comment=None)


def test_an_anonymous_rating_names_nobody() -> None:
    """3c-1: raters are protected."""
    event = rating(real_named=False).pending_events[0]
    assert isinstance(event, CaseEvaluated)
    assert APPLICANT not in str(vars(event))


@pytest.mark.parametrize(("level", "real_named"), [(3, True), (5, True), (1, False), (2, False)])
def test_only_a_real_named_bad_rating_becomes_a_complaint(level: int, real_named: bool) -> None:
    """3c-2."""
    with pytest.raises(WrongStateError):
        Complaint.open(
            context("system:test"),
            rating(level, real_named=real_named),
            office_level="district",
            calendar=CALENDAR,
            periods=PERIODS,
        )


def test_a_complaint_is_contacted_within_one_working_day_and_answered_within_five() -> None:
    """3c-3, 3c-8."""
    opened = complaint()
    assert opened.id == complaint_id(rating().id)
    assert contact_due(date(2026, 9, 24), CALENDAR, PERIODS) == date(2026, 9, 28)
    assert opened.due == date(2026, 9, 29)


def test_a_complaint_is_answered_before_the_person_is_called_back() -> None:
    """3c-12."""
    with pytest.raises(WrongStateError):
        callback(complaint(), "solved")


def test_solved_is_what_the_person_says() -> None:
    """R15, F13."""
    opened = answered()
    callback(opened, "solved")
    assert opened.status == "solved"
    with pytest.raises(WrongStateError):
        opened.answer(context(OFFICER), reply=sealed())


@pytest.mark.parametrize("result", ["partly", "unsolved"])
def test_not_solved_escalates_one_level_up_with_a_new_date(result: Result) -> None:
    """R15."""
    opened = answered()
    callback(opened, result)
    escalated = opened.pending_events[-1]
    assert isinstance(escalated, ComplaintEscalated)
    assert (escalated.office, escalated.region, escalated.due) == ("qd", "3702", "2026-09-29")
    assert (opened.status, opened.office_level) == ("escalated", "city")


def test_the_lower_unit_is_no_longer_in_charge_after_an_escalation() -> None:
    """R15: the same unit cannot close it."""
    opened = answered()
    assert opened.subject().region == "370202"
    callback(opened, "unsolved")
    assert (opened.subject().office, opened.subject().region) == ("qd", "3702")


def test_an_escalated_complaint_is_answered_anew_before_the_next_callback() -> None:
    opened = answered()
    callback(opened, "unsolved")
    with pytest.raises(WrongStateError):
        callback(opened, "solved", above=None)
    opened.answer(context(OFFICER, at=days_later(1)), reply=sealed())
    callback(opened, "solved", above=None)
    assert opened.status == "solved"


def test_at_the_top_it_stays_open_for_the_heads_decision() -> None:
    """R15."""
    opened = answered()
    callback(opened, "unsolved", above=None)
    assert opened.status == "open"


def test_a_head_ends_it_by_a_decision_that_was_told() -> None:
    opened = answered()
    callback(opened, "unsolved", above=None)
    opened.decide(context("staff:head"), decision=sealed(), told_by="phone")
    assert opened.status == "decided"


def test_not_reached_is_tried_again_and_never_escalates() -> None:
    """R15."""
    opened = answered()
    for _ in range(5):
        callback(opened, "not-reached")
    assert (opened.status, opened.attempts) == ("answered", 5)


def test_a_decision_has_to_be_told_to_the_person() -> None:
    with pytest.raises(WrongStateError):
        complaint().decide(context("staff:head"), decision=sealed(), told_by="")


def test_the_visit_of_a_day_is_one_visit() -> None:
    assert visit_id(uid("case"), date(2026, 9, 22), 1) == visit_id(uid("case"), date(2026, 9, 22), 1)
    assert visit_id(uid("case"), date(2026, 9, 22), 1) != visit_id(uid("case"), date(2026, 9, 23), 1)
