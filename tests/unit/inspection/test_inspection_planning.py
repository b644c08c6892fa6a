from __future__ import annotations

from datetime import timedelta

import pytest

from cases.errors import MissingError, RefusedError, WrongStateError
from inspection import errors
from inspection.inspection import Inspection
from tests.unit.inspection.given import (
    APPLICANT,
    CASE,
    DIGEST,
    GUEST,
    ID,
    LIU,
    NOW,
    SEALED,
    WANG,
    answer,
    at,
    gathered,
    judge,
    offered,
    planned,
    running,
    service_item,
    topics,
)


@pytest.mark.parametrize("inspectors", [[WANG], [WANG, WANG], []])
def test_an_inspection_needs_two_different_inspectors(inspectors: list[str]) -> None:
    with pytest.raises(errors.InspectorsError) as refused:
        Inspection.plan(
            at(),
            id=ID,
            case=CASE,
            case_number="QD20261120-7K4XPM",
            item=service_item(),
            mode="remote",
            inspectors=inspectors,
            applicant=APPLICANT,
            contact=SEALED,
            place=None,
        )
    assert "第三十四条" in refused.value.zh


def test_what_the_law_wants_verified_on_the_spot_is_not_planned_by_video_alone() -> None:
    with pytest.raises(errors.ModeNotAllowedError) as refused:
        planned("remote", remote="forbidden")
    assert "行政许可法 §34" in refused.value.zh
    assert planned("mixed", remote="forbidden").mode == "mixed"
    assert planned("on-site", remote="forbidden").mode == "on-site"


def test_a_slot_lies_in_the_future() -> None:
    inspection = planned()
    with pytest.raises(errors.SlotError):
        inspection.offer_slot(at(), starts_at=NOW, minutes=30)
    with pytest.raises(errors.SlotError):
        inspection.offer_slot(at(), starts_at=NOW.replace(tzinfo=None) + timedelta(days=1), minutes=30)


def test_another_slot_replaces_the_first_and_is_confirmed_anew() -> None:
    inspection = offered()
    inspection.confirm_slot(at(actor=GUEST))
    inspection.confirm_slot(at(actor=GUEST))
    assert inspection.status == "confirmed"
    inspection.offer_slot(at(), starts_at=NOW + timedelta(days=1), minutes=45)
    assert (inspection.status, inspection.invitation) == ("offered", 2)
    assert inspection.ends_at == NOW + timedelta(days=1, minutes=45)
    assert topics(inspection).count("slot-confirmed") == 1


def test_there_is_nothing_to_confirm_before_a_slot_was_offered() -> None:
    with pytest.raises(errors.NoSlotError):
        planned().confirm_slot(at(actor=GUEST))
    with pytest.raises(errors.NoSlotError):
        planned().bind_invitation(at(actor=GUEST))


def test_the_guest_is_invited_only_once_the_link_is_bound() -> None:
    inspection = offered()
    assert inspection.subject().invited == frozenset()
    assert inspection.subject(inviting=True).invited == {GUEST}
    inspection.bind_invitation(at(actor=GUEST))
    inspection.bind_invitation(at(actor=GUEST))
    assert inspection.subject().invited == {GUEST}
    assert topics(inspection).count("invitation-bound") == 1


def test_the_applicant_is_one_party_whether_logged_in_or_come_by_the_link() -> None:
    inspection = offered()
    assert inspection.party(APPLICANT) == inspection.party(GUEST) == GUEST
    with pytest.raises(MissingError):
        inspection.party("staff:00000000-0000-4000-8000-00000000ffff")


def test_refusing_the_remote_way_before_the_start_means_on_site_in_the_same_turn() -> None:
    inspection = offered()
    inspection.refuse_remote(at(actor=GUEST), reason="no-camera")
    inspection.refuse_remote(at(actor=GUEST), reason="no-camera")
    assert inspection.mode == "on-site"
    assert topics(inspection).count("remote-refused") == 1


@pytest.mark.parametrize("by", ["the applicant", "the office"])
def test_the_time_of_a_call_is_no_time_for_a_visit(by: str) -> None:
    inspection = offered()
    inspection.confirm_slot(at(actor=GUEST))
    if by == "the applicant":
        inspection.refuse_remote(at(actor=GUEST), reason="no-camera")
    else:
        inspection.move_on_site(at(), reason=SEALED)
    assert (inspection.mode, inspection.status, inspection.starts_at) == ("on-site", "planned", None)
    assert inspection.needs_slot
    with pytest.raises(errors.NoSlotError):
        inspection.confirm_slot(at(actor=GUEST))
    inspection.offer_slot(at(), starts_at=NOW + timedelta(days=2), minutes=60)
    inspection.confirm_slot(at(actor=GUEST))
    assert (inspection.status, inspection.invitation, inspection.needs_slot) == ("confirmed", 2, False)


def test_moving_on_site_what_had_no_time_yet_withdraws_none() -> None:
    inspection = planned()
    inspection.move_on_site(at(), reason=SEALED)
    assert "slot-withdrawn" not in topics(inspection)
    assert inspection.needs_slot


def test_the_rest_of_what_was_begun_by_video_gets_a_time_of_its_own() -> None:
    inspection = running()
    judge(inspection, "a")
    began, slot = inspection.started_at, inspection.starts_at
    inspection.move_on_site(at(3), reason=SEALED)
    assert (inspection.status, inspection.started_at, inspection.starts_at) == ("running", began, slot)
    assert inspection.needs_slot
    inspection.offer_slot(at(4), starts_at=NOW + timedelta(days=1), minutes=60)
    inspection.confirm_slot(at(5, actor=GUEST))
    assert (inspection.status, inspection.verdicts, inspection.needs_slot) == ("running", {"a": "pass"}, False)
    inspection.arrive_on_site(at(1440), party=WANG, position=None)
    with pytest.raises(WrongStateError):
        inspection.offer_slot(at(1441), starts_at=NOW + timedelta(days=3), minutes=60)


def test_what_runs_by_video_is_offered_no_other_time() -> None:
    with pytest.raises(WrongStateError):
        running().offer_slot(at(2), starts_at=NOW + timedelta(days=1), minutes=30)


def test_refusing_the_notice_of_a_mixed_inspection_leaves_it_on_site_and_ready_without_it() -> None:
    inspection = offered("mixed")
    answer(inspection, accepted=False)
    assert inspection.mode == "on-site"
    assert "notice" not in inspection.waiting_for


def test_an_inspection_on_site_stays_so_when_its_notice_is_refused_on_the_way() -> None:
    inspection = running("on-site")
    answer(inspection, accepted=False)
    assert inspection.mode == "on-site"


def test_refusing_the_notice_is_refusing_the_remote_way() -> None:
    inspection = offered()
    answer(inspection, accepted=False)
    assert topics(inspection)[-3:] == ["notice-answered", "remote-refused", "slot-withdrawn"]
    assert inspection.mode == "on-site"


def test_moving_on_site_in_the_middle_keeps_what_was_judged() -> None:
    inspection = running()
    judge(inspection, "a")
    inspection.move_on_site(at(3), reason=SEALED)
    assert (inspection.mode, inspection.verdicts, inspection.status) == ("mixed", {"a": "pass"}, "running")


def test_moving_on_site_what_is_on_site_is_refused() -> None:
    with pytest.raises(WrongStateError):
        planned("on-site").move_on_site(at(), reason=SEALED)


def test_nobody_arrives_at_a_remote_inspection() -> None:
    with pytest.raises(WrongStateError):
        planned().arrive_on_site(at(), party=WANG, position=None)


@pytest.mark.parametrize("missing", [WANG, LIU])
def test_a_remote_inspection_does_not_start_with_one_inspector(missing: str) -> None:
    inspection = gathered()
    inspection.note_presence(at(), party=missing, present=False)
    with pytest.raises(errors.NotReadyError) as refused:
        inspection.start(at(1))
    assert refused.value.details["waiting_for"] == ["inspectors"]


def test_a_remote_inspection_does_not_start_without_the_applicant_and_his_answer() -> None:
    inspection = offered()
    with pytest.raises(errors.NotReadyError) as refused:
        inspection.start(at(1))
    assert refused.value.details["waiting_for"] == ["notice", "inspectors", "applicant"]
    assert "录音录像" in refused.value.zh


def test_an_inspection_on_site_starts_when_two_inspectors_have_arrived() -> None:
    inspection = offered("on-site")
    for party in (WANG, LIU):
        inspection.note_presence(at(), party=party, present=True)
    inspection.arrive_on_site(at(), party=WANG, position=None)
    with pytest.raises(errors.NotReadyError):
        inspection.start(at(1))
    inspection.arrive_on_site(at(), party=LIU, position=None)
    inspection.start(at(1))
    assert inspection.running


def test_a_mixed_inspection_counts_inspectors_in_the_room_and_on_site() -> None:
    inspection = offered("mixed")
    answer(inspection)
    inspection.note_presence(at(), party=WANG, present=True)
    inspection.arrive_on_site(at(), party=LIU, position=None)
    inspection.start(at(1))
    assert inspection.running


def test_an_inspection_starts_once() -> None:
    with pytest.raises(WrongStateError):
        running().start(at(2))


def test_presence_is_told_once_and_closes_at_the_end() -> None:
    inspection = offered()
    for present in (False, True, True, False, False):
        inspection.note_presence(at(), party=GUEST, present=present)
    assert topics(inspection)[-2:] == ["participant-joined", "participant-left"]
    assert topics(inspection).count("participant-joined") == 1


def test_a_second_answer_to_the_same_notice_changes_nothing() -> None:
    inspection = offered()
    answer(inspection)
    answer(inspection)
    assert topics(inspection).count("notice-answered") == 1
    assert inspection.notice_accepted is True
    inspection.answer_notice(at(actor=GUEST), version="recording-1", digest=DIGEST, accepted=False)
    assert inspection.notice_accepted is False


@pytest.mark.parametrize("error", [e for e in vars(errors).values() if isinstance(e, type)])
def test_every_refusal_says_what_to_do_in_two_languages(error: type) -> None:
    if issubclass(error, RefusedError):
        assert error.zh
        assert error.en.strip()
        assert error.code == error.code.lower()
