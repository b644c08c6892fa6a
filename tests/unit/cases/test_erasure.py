from __future__ import annotations

from datetime import date
from uuid import UUID

import pytest

from cases.erasure import Erasure, HeldError
from cases.errors import NotPermittedError, WrongStateError
from cases.hold import Holds, SamePersonError, holds_id
from cases.retention import DECIDED, INSPECTED, rules_for
from tests.builders import COLLEAGUE, COMPANION, context, days_later, decided_case, received_case, uid

ASKER, OTHER = COMPANION, COLLEAGUE


def request(*, whole: bool = False, cases: tuple[UUID, ...] = (uid("case"),)) -> Erasure:
    return Erasure.request(
        context(ASKER), id=uid("erasure"), person=uid("applicant"), whole=whole, basis="consent-withdrawn",
        cases=cases, left=[],
    )  # fmt: skip


def complete(erasure: Erasure, *, cases: tuple[UUID, ...] = (uid("case"),)) -> None:
    erasure.complete(
        context("system:test"), cases=cases, left=[], keys=2, entries=9, files=[], recordings=[], forgotten=False
    )


def holds() -> Holds:
    opened = Holds.open(context(), uid("case"))
    opened.place(context(), basis="litigation", until=None)
    return opened


def test_who_asked_for_an_erasure_cannot_answer_it() -> None:
    erasure = request()
    with pytest.raises(SamePersonError):
        erasure.approve(context(ASKER))
    with pytest.raises(SamePersonError):
        erasure.decline(context(ASKER), ground="still-needed")
    erasure.approve(context(OTHER))
    assert (erasure.status, erasure.approved_by) == ("approved", OTHER)


def test_an_erasure_is_answered_once() -> None:
    erasure = request()
    erasure.decline(context(OTHER), ground="identity-not-proved")
    with pytest.raises(WrongStateError):
        erasure.approve(context(OTHER))


def test_an_erasure_that_reaches_nothing_is_refused_and_says_what_stays() -> None:
    with pytest.raises(HeldError):
        request(cases=())
    assert request(cases=(), whole=True).status == "requested"


def test_what_was_carried_out_is_told_once() -> None:
    erasure = request()
    with pytest.raises(WrongStateError):
        complete(erasure)
    erasure.approve(context(OTHER))
    complete(erasure)
    events = len(erasure.pending_events)
    complete(erasure)
    assert (erasure.status, len(erasure.pending_events)) == ("erased", events)


def test_an_erasure_that_a_hold_overtook_says_that_nothing_was_erased() -> None:
    erasure = request()
    erasure.approve(context(OTHER))
    complete(erasure, cases=())
    assert erasure.status == "held-back"


def test_a_hold_without_a_last_day_stands_until_two_have_released_it() -> None:
    held = holds()
    far = date(2099, 1, 1)
    assert list(held.standing(far)) == [1]
    held.request_release(context(ASKER), hold=1, ground="matter-ended")
    assert list(held.standing(far)) == [1]
    with pytest.raises(SamePersonError):
        held.release(context(ASKER), hold=1)
    held.release(context(OTHER), hold=1)
    assert not held.standing(far)


def test_a_declined_release_leaves_the_hold_and_can_be_asked_for_again() -> None:
    held = holds()
    held.request_release(context(ASKER), hold=1, ground="matter-ended")
    with pytest.raises(WrongStateError):
        held.request_release(context(OTHER), hold=1, ground="matter-ended")
    held.decline_release(context(OTHER), hold=1, ground="matter-not-ended")
    with pytest.raises(WrongStateError):
        held.release(context(OTHER), hold=1)
    held.request_release(context(OTHER), hold=1, ground="matter-ended")


def test_a_hold_with_a_last_day_ends_with_it() -> None:
    held = Holds.open(context(), uid("case"))
    held.place(context(), basis="supervision", until=date(2026, 9, 30))
    assert held.standing(date(2026, 9, 30)) and not held.standing(date(2026, 10, 1))
    with pytest.raises(WrongStateError):
        held.request_release(context(at=days_later(30)), hold=1, ground="matter-ended")
    with pytest.raises(WrongStateError):
        held.place(context(), basis="litigation", until=date(2020, 1, 1))


def test_what_a_rule_keeps_is_placed_once_however_often_it_is_asked() -> None:
    held = holds()
    assert held.place(context(), basis=DECIDED.basis, until=date(2036, 9, 21), rule="1") == 2
    assert held.place(context(), basis=DECIDED.basis, until=date(2037, 9, 21), rule="1") == 2
    assert held.place(context(), basis="litigation", until=None) == 3


def test_decided_and_inspected_cases_fall_under_the_archives_rules() -> None:
    assert list(rules_for(decided_case())) == [DECIDED, INSPECTED]
    assert list(rules_for(received_case())) == []
    assert not DECIDED.confirmed, "the period is to be confirmed by the office"
    assert DECIDED.until(date(2028, 2, 29)) == date(2038, 2, 28)


def test_a_refusal_of_the_same_person_is_a_matter_of_permission() -> None:
    assert issubclass(SamePersonError, NotPermittedError)
    assert holds_id(uid("case")).version == 3
