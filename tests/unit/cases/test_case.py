"""The life of a case by the law: given what happened, when somebody acts, then this event or this refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from cases.calendar import mainland
from cases.case import Case, CaseAccepted, CaseDecided, Status, case_number
from cases.case_events import MaterialRecord
from cases.catalogue import shipped
from cases.errors import InvalidInputError, NotPermittedError, RefusedError, WrongStateError
from tests.builders import (
    APPLICANT,
    COLLEAGUE,
    COMPANION,
    MONDAY,
    POOL,
    RESTAURANT,
    accepted_case,
    context,
    days_later,
    decided_case,
    inspected_case,
    inspection_note,
    received_case,
    sealed,
    topics,
    uid,
)

ITEM = shipped().current(RESTAURANT)
POOL_ITEM = shipped().current(POOL)
CALENDAR = mainland()


def notice(case: Case, *targets: str, at: datetime = MONDAY) -> None:
    case.issue_gap_notice(context(at=at), gaps={target: sealed(target) for target in targets}, calendar=CALENDAR)


def accept(case: Case, *, at: datetime = MONDAY) -> None:
    case.accept(context(at=at), item=shipped().current(case.item), calendar=CALENDAR)


def supply(*materials: str) -> list[MaterialRecord]:
    return [
        {
            "material": code,
            "attachments": [
                {"id": str(uid(code)), "kind": "photo", "sha256": "1" * 64, "size": 2, "name": sealed(code)}
            ],
        }
        for code in materials
    ]


def decide(case: Case, *, granted: bool = True) -> None:
    case.decide(context(), granted=granted, reasons=sealed(), item=shipped().current(case.item))


# receipt


def test_a_case_has_a_number_a_time_and_a_companion_from_the_first_moment() -> None:
    """R3, 3a-23."""
    case = received_case()
    assert topics(case) == ["case-received", "companion-assigned"]
    assert case.received_at == MONDAY
    assert case.companion == COMPANION
    assert case.number == case_number(case.id, MONDAY)
    assert case.number.startswith("QD20260921-")


def test_a_number_has_no_look_alikes() -> None:
    for name in range(300):
        assert not set(case_number(uid(str(name)), MONDAY).partition("-")[2]) & set("01ILOU")


def test_a_pool_cannot_be_filed_for_video_only() -> None:
    """体育法 §105: verification on the spot."""
    with pytest.raises(InvalidInputError):
        received_case(POOL, mode="remote")


def test_an_application_without_its_core_material_is_taken_in() -> None:
    """3a-2: it is the office that tells what is missing."""
    case = received_case(with_core=False)
    assert case.status == Status.RECEIVED
    assert case.missing_core(ITEM) == ["layout"]


# one-time notice


def test_the_notice_tells_everything_at_once_and_waits() -> None:
    """3a-2."""
    case = received_case(with_core=False)
    notice(case, "layout", "name")
    assert case.status == Status.GAP_NOTICE
    assert case.outstanding == {"layout", "name"}


def test_a_second_notice_with_a_new_item_is_refused() -> None:
    """3a-2, F3: everything is told once."""
    case = received_case(with_core=False)
    notice(case, "layout")
    case.supplement(context(APPLICANT), form={}, materials=supply("layout"))
    with pytest.raises(WrongStateError) as error:
        notice(case, "safety-rules")
    assert error.value.details == {"targets": ["safety-rules"]}
    assert "第三十二条" in error.value.zh


def test_a_second_notice_cannot_ask_again_for_what_was_supplied() -> None:
    """3a-2."""
    case = received_case(with_core=False)
    notice(case, "layout", "safety-rules")
    case.supplement(context(APPLICANT), form={}, materials=supply("layout"))
    with pytest.raises(WrongStateError):
        notice(case, "layout")


def test_a_second_notice_may_repeat_what_was_not_supplied() -> None:
    """3a-2."""
    case = received_case(with_core=False)
    notice(case, "layout", "safety-rules")
    case.supplement(context(APPLICANT), form={}, materials=supply("safety-rules"))
    notice(case, "layout")
    assert case.notices == 2
    assert case.outstanding == {"layout"}


def test_a_notice_on_the_fifth_working_day_is_in_time_and_on_the_sixth_is_not() -> None:
    """3a-2: received on Monday 21 September; the 25th is Mid-Autumn, so the fifth working day is the 29th."""
    notice(received_case(), "layout", at=days_later(8))
    with pytest.raises(WrongStateError) as error:
        notice(received_case(), "layout", at=days_later(9))
    assert "受理" in error.value.zh


def test_a_supplement_can_be_made_in_several_steps() -> None:
    case = received_case(with_core=False)
    notice(case, "layout", "safety-rules")
    case.supplement(context(APPLICANT), form={}, materials=supply("layout"))
    case.supplement(context(APPLICANT), form={}, materials=supply("safety-rules"))
    assert case.outstanding == frozenset()
    with pytest.raises(WrongStateError):
        case.supplement(context(APPLICANT), form={}, materials=supply("safety-rules"))


def test_a_supplemented_phone_number_is_the_one_to_call() -> None:
    case = received_case()
    notice(case, "phone")
    case.supplement(context(APPLICANT), form={"phone": sealed("new phone")}, materials=[])
    assert case.contact == sealed("new phone")


def test_an_empty_supplement_is_refused() -> None:
    case = received_case()
    notice(case, "layout")
    with pytest.raises(InvalidInputError):
        case.supplement(context(APPLICANT), form={}, materials=[])


# acceptance


def test_acceptance_binds_the_office_to_a_period_from_the_next_working_day() -> None:
    """3a-1, 3a-9."""
    case = accepted_case()
    accepted = case.pending_events[-1]
    assert isinstance(accepted, CaseAccepted)
    assert (accepted.starts, accepted.statutory_days, accepted.statutory_ends) == ("2026-09-21", 10, "2026-10-12")
    assert (accepted.promised_days, accepted.promised_ends) == (5, "2026-09-29")
    assert accepted.calendar.startswith("chinesecalendar-")


def test_a_pools_period_runs_from_receipt_even_when_accepted_later() -> None:
    """体育法 §105."""
    case = received_case(POOL)
    accept(case, at=days_later(3))
    accepted = case.pending_events[-1]
    assert isinstance(accepted, CaseAccepted)
    assert accepted.starts == "2026-09-21"


def test_an_office_that_kept_silent_for_five_days_counts_from_receipt() -> None:
    """3a-2: not told in time, so accepted from the day of receipt, missing material or not."""
    case = received_case(with_core=False)
    accept(case, at=days_later(9))
    accepted = case.pending_events[-1]
    assert isinstance(accepted, CaseAccepted)
    assert accepted.starts == "2026-09-21"


def test_a_case_without_its_core_material_is_not_accepted_before_a_notice() -> None:
    case = received_case(with_core=False)
    with pytest.raises(WrongStateError) as error:
        accept(case)
    assert error.value.details == {"materials": ["layout"]}


def test_what_the_notice_forgot_cannot_hold_up_the_case() -> None:
    """3a-2."""
    case = received_case(with_core=False)
    notice(case, "name")
    case.supplement(context(APPLICANT), form={"name": sealed("new name")}, materials=[])
    accept(case)
    assert case.status == Status.ACCEPTED


def test_a_case_that_waits_for_the_applicant_is_not_accepted() -> None:
    case = received_case()
    notice(case, "layout")
    with pytest.raises(WrongStateError, match="notice asked for"):
        accept(case)


def test_acceptance_can_be_refused_before_it_was_given_and_not_after() -> None:
    """3a-3."""
    case = received_case()
    case.refuse_acceptance(context(), reason=sealed(), right_authority="市卫生健康委")
    assert case.status == Status.NOT_ACCEPTED
    with pytest.raises(WrongStateError):
        accepted_case().refuse_acceptance(context(), reason=sealed(), right_authority="")


# companion


def test_the_companion_stays_until_the_handover_is_accepted() -> None:
    """R3, R23, F10."""
    case = received_case()
    case.request_handover(context(), to=COLLEAGUE, note=sealed())
    assert case.companion == COMPANION
    assert case.subject().companions == {COMPANION, COLLEAGUE}
    case.accept_handover(context(COLLEAGUE))
    assert case.companion == COLLEAGUE
    assert case.subject().companions == {COLLEAGUE}


def test_who_was_asked_cannot_act_before_he_has_accepted() -> None:
    """R23."""
    case = received_case()
    case.request_handover(context(), to=COLLEAGUE, note=sealed())
    with pytest.raises(NotPermittedError):
        case.accept(context(COLLEAGUE), item=ITEM, calendar=CALENDAR)


def test_a_declined_handover_changes_nothing() -> None:
    case = received_case()
    case.request_handover(context(), to=COLLEAGUE, note=sealed())
    case.decline_handover(context(COLLEAGUE), reason=sealed())
    assert case.subject().companions == {COMPANION}
    with pytest.raises(WrongStateError):
        case.accept_handover(context(COLLEAGUE))


def test_only_who_was_asked_can_accept() -> None:
    case = received_case()
    case.request_handover(context(), to=COLLEAGUE, note=sealed())
    with pytest.raises(NotPermittedError):
        case.accept_handover(context())


def test_nobody_hands_over_to_himself() -> None:
    with pytest.raises(InvalidInputError):
        received_case().request_handover(context(), to=COMPANION, note=sealed())


# inspection and decision


def test_an_item_with_a_checklist_is_decided_after_its_sheet_is_sealed() -> None:
    """3a-6, 3b-4."""
    case = accepted_case()
    for stage in ("planned", "ended"):
        case.note_inspection(
            context("system:test"), inspection_note(case, stage=stage, outcome="" if stage == "planned" else "passed")
        )
        with pytest.raises(WrongStateError, match="inspection first"):
            decide(case)


def test_noting_the_same_inspection_again_changes_nothing() -> None:
    case = inspected_case()
    before = case.version
    case.note_inspection(context("system:test"), inspection_note(case, stage="sealed", outcome="passed"))
    assert case.version == before


@pytest.mark.parametrize(
    ("stage", "outcome", "status"), [("planned", "", Status.INSPECTING), ("ended", "passed", Status.INSPECTED)]
)
def test_the_status_follows_the_inspection(stage: str, outcome: str, status: Status) -> None:
    case = accepted_case()
    case.note_inspection(context("system:test"), inspection_note(case, stage=stage, outcome=outcome))
    assert case.status == status


def test_a_pool_seen_only_by_video_cannot_be_granted() -> None:
    """体育法 §105: video does not replace verification on the spot."""
    with pytest.raises(WrongStateError, match="105"):
        decide(inspected_case(POOL, mode="remote"))


@pytest.mark.parametrize("mode", ["on-site", "mixed"])
def test_a_pool_seen_on_the_spot_can_be_granted(mode: str) -> None:
    case = inspected_case(POOL, mode=mode)
    decide(case)
    assert case.status == Status.GRANTED


@pytest.mark.parametrize("outcome", ["rectify", "failed", "on-site"])
def test_a_failed_inspection_allows_a_refusal_only(outcome: str) -> None:
    case = inspected_case(outcome=outcome)
    with pytest.raises(WrongStateError):
        decide(case)
    decide(case, granted=False)
    assert case.status == Status.REFUSED


def test_a_refusal_tells_the_remedies() -> None:
    """3a-14."""
    refusal = decided_case(granted=False).pending_events[-1]
    assert isinstance(refusal, CaseDecided)
    assert refusal.remedies == ["reconsideration-60-days", "litigation-6-months"]
    grant = decided_case().pending_events[-1]
    assert isinstance(grant, CaseDecided)
    assert grant.remedies == []
    assert "食品安全法" in grant.basis


def test_a_case_is_decided_once() -> None:
    with pytest.raises(WrongStateError):
        decide(decided_case())


# withdrawal and wrong states


@pytest.mark.parametrize("given", [received_case, accepted_case, inspected_case])
def test_an_application_can_be_withdrawn_until_it_is_decided(given: Callable[[], Case]) -> None:
    case = given()
    case.withdraw(context(APPLICANT), reason=sealed())
    assert case.status == Status.WITHDRAWN


ACTIONS: dict[str, Callable[[Case], None]] = {
    "notice": lambda case: notice(case, "layout"),
    "supplement": lambda case: case.supplement(context(APPLICANT), form={}, materials=supply("layout")),
    "accept": accept,
    "refuse acceptance": lambda case: case.refuse_acceptance(context(), reason=sealed(), right_authority=""),
    "hand over": lambda case: case.request_handover(context(), to=COLLEAGUE, note=sealed()),
    "visit": lambda case: case.check_return_visit(),
    "note": lambda case: case.note_inspection(context("system:test"), inspection_note(case, stage="planned")),
    "decide": decide,
    "withdraw": lambda case: case.withdraw(context(APPLICANT), reason=sealed()),
}


@pytest.mark.parametrize("action", ACTIONS)
def test_a_decided_case_refuses_every_step_in_two_languages(action: str) -> None:
    case = decided_case()
    before = len(case.pending_events)
    with pytest.raises(RefusedError) as error:
        ACTIONS[action](case)
    assert error.value.code == "wrong-state"
    assert "准予许可" in error.value.zh
    assert "granted" in error.value.en
    assert len(case.pending_events) == before


def test_history_loads_whatever_the_rules_say_today() -> None:
    """Events only set state: replaying them asks no rule."""
    case = decided_case(granted=False)
    replayed: Case | None = None
    for event in case.pending_events:
        replayed = event.mutate(replayed)
    assert replayed is not None
    assert (replayed.status, replayed.materials, replayed.inspections) == (
        case.status,
        case.materials,
        case.inspections,
    )
