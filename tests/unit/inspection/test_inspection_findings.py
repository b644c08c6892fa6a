from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from cases.errors import InvalidInputError, MissingError, WrongStateError
from inspection import errors
from inspection.checklist import blocking, outcome_of, to_mend
from inspection.commands import Verdict
from tests.unit.inspection.given import (
    CHECKLIST,
    DIGEST,
    GUEST,
    ID,
    LIU,
    NOW,
    SEALED,
    WANG,
    answer,
    at,
    check,
    drafted,
    ended,
    gathered,
    judge,
    offered,
    running,
    sign,
    topics,
)

STILL = UUID("00000000-0000-4000-8000-00000000000a")


def test_items_are_judged_only_while_it_runs() -> None:
    for inspection in (gathered(), ended()):
        with pytest.raises(errors.NotStartedError):
            judge(inspection, "a")


@pytest.mark.parametrize("verdict", ["fail", "rectify-now", "rectify-by"])
def test_what_is_wrong_needs_a_note(verdict: Verdict) -> None:
    with pytest.raises(errors.VerdictError):
        running().judge(at(2), check=CHECKLIST[0], verdict=verdict, note=None, stills=[], mend_by=None)


def test_mending_by_a_date_needs_a_future_date() -> None:
    for mend_by in (None, NOW, NOW.replace(tzinfo=None) + timedelta(days=1)):
        with pytest.raises(errors.VerdictError):
            running().judge(at(2), check=CHECKLIST[0], verdict="rectify-by", note=SEALED, stills=[], mend_by=mend_by)
    with pytest.raises(errors.VerdictError):
        running().judge(
            at(2), check=CHECKLIST[0], verdict="pass", note=None, stills=[], mend_by=NOW + timedelta(days=1)
        )


def test_what_cannot_be_seen_by_video_cannot_pass_by_video() -> None:
    pool = check("pool", on_the_spot=True)
    with pytest.raises(errors.OnTheSpotError):
        running().judge(at(2), check=pool, verdict="pass", note=None, stills=[], mend_by=None)
    running("on-site").judge(at(2), check=pool, verdict="pass", note=None, stills=[], mend_by=None)


def test_a_mixed_inspection_counts_as_video_until_an_inspector_has_arrived() -> None:
    pool = check("pool", on_the_spot=True)
    inspection = running("mixed")
    with pytest.raises(errors.OnTheSpotError):
        inspection.judge(at(2), check=pool, verdict="pass", note=None, stills=[], mend_by=None)
    inspection.arrive_on_site(at(3, WANG), party=WANG, position=None)
    inspection.judge(at(4), check=pool, verdict="pass", note=None, stills=[], mend_by=None)


def test_a_still_belongs_to_its_item() -> None:
    inspection = running()
    for _ in range(2):
        inspection.take_still(
            at(2), still=STILL, check=CHECKLIST[1], party=GUEST, sha256=DIGEST, marked_sha256=DIGEST, width=8, height=6
        )
    assert topics(inspection).count("still-taken") == 1
    with pytest.raises(InvalidInputError):
        inspection.judge(at(2), check=CHECKLIST[0], verdict="pass", note=None, stills=[STILL], mend_by=None)
    inspection.judge(at(2), check=CHECKLIST[1], verdict="pass", note=None, stills=[STILL], mend_by=None)


def test_findings_wait_for_every_mandatory_item_and_name_what_is_open() -> None:
    inspection = running()
    judge(inspection, "a")
    with pytest.raises(errors.ItemsOpenError) as refused:
        inspection.tell_findings(at(3), checklist=CHECKLIST)
    assert refused.value.details["items"] == ["b"]
    assert "第b项" in refused.value.zh


def test_the_end_waits_until_the_applicant_was_told() -> None:
    inspection = running()
    judge(inspection, "a")
    judge(inspection, "b")
    with pytest.raises(errors.FindingsUntoldError):
        inspection.end(at(3), checklist=CHECKLIST)


def test_a_verdict_changed_after_telling_is_told_again() -> None:
    inspection = running()
    judge(inspection, "a")
    judge(inspection, "b")
    inspection.tell_findings(at(3), checklist=CHECKLIST)
    judge(inspection, "b", "rectify-by")
    with pytest.raises(errors.FindingsUntoldError):
        inspection.end(at(4), checklist=CHECKLIST)
    inspection.tell_findings(at(5), checklist=CHECKLIST)
    told = inspection.pending_events[-1]
    assert told.passed == ["a"]  # type: ignore[attr-defined]  # FindingsTold
    assert told.mend == [{"item": "b", "by": (NOW + timedelta(days=5)).isoformat()}]  # type: ignore[attr-defined]
    inspection.end(at(6), checklist=CHECKLIST)
    assert inspection.outcome == "rectify"


@pytest.mark.parametrize(
    ("verdicts", "by_video", "outcome"),
    [
        ({"a": "pass", "b": "pass"}, True, "passed"),
        ({"a": "pass", "b": "rectify-now"}, True, "passed"),
        ({"a": "pass", "b": "not-applicable"}, True, "passed"),
        ({"a": "pass", "b": "rectify-by"}, True, "rectify"),
        ({"a": "pass", "b": "fail"}, True, "rectify"),
        ({"a": "pass", "b": "unclear"}, True, "on-site"),
        ({"a": "pass", "b": "unclear"}, False, "on-site"),
        ({"a": "fail", "b": "unclear"}, True, "failed"),
    ],
)
def test_the_outcome_follows_from_the_verdicts(verdicts: dict[str, Verdict], by_video: bool, outcome: str) -> None:
    assert outcome_of(CHECKLIST, verdicts, by_video) == outcome


def test_items_that_must_be_seen_on_the_spot_send_a_remote_inspection_there() -> None:
    checklist = [*CHECKLIST, check("pool", on_the_spot=True)]
    verdicts: dict[str, Verdict] = {"a": "pass", "b": "pass"}
    assert blocking(checklist, verdicts, True) == []
    assert outcome_of(checklist, verdicts, True) == "on-site"
    assert [item.code for item in blocking(checklist, verdicts, False)] == ["pool"]
    assert to_mend(checklist, verdicts, {}) == []


def test_recording_waits_for_notice_and_start() -> None:
    for inspection in (offered(), gathered(), ended(), running("on-site")):
        with pytest.raises(errors.RecordingRefusedError):
            inspection.open_recording(at(2), participant=GUEST, part=1)


def test_an_inspection_on_site_is_recorded_when_the_notice_was_accepted() -> None:
    inspection = running("on-site")
    answer(inspection)
    inspection.open_recording(at(2), participant=WANG, part=1)
    assert inspection.recordings == {(WANG, 1): "running"}


def test_a_part_is_sealed_once_and_heads_of_sealed_parts_are_passed_over() -> None:
    inspection = running()
    inspection.open_recording(at(2), participant=GUEST, part=1)
    inspection.open_recording(at(2), participant=GUEST, part=1)
    inspection.note_head(at(3), participant=GUEST, part=1, head=DIGEST, size=10)
    for recovered in (False, True):
        inspection.seal_recording(
            at(4),
            participant=GUEST,
            part=1,
            head=DIGEST,
            size=20,
            first=NOW,
            last=NOW,
            gaps=[(NOW, NOW, "video-lost")],
            recovered=recovered,
        )
    inspection.note_head(at(5), participant=GUEST, part=1, head=DIGEST, size=30)
    assert topics(inspection)[-3:] == ["recording-opened", "recording-head", "recording-sealed"]
    assert inspection.recordings == {(GUEST, 1): "sealed"}
    with pytest.raises(MissingError):
        inspection.note_head(at(5), participant=GUEST, part=2, head=DIGEST, size=30)


def test_the_sheet_waits_for_the_end_and_the_sealed_recording() -> None:
    with pytest.raises(errors.NotStartedError):
        running().draft_sheet(at(3), record=ID, digest=DIGEST)
    inspection = running()
    inspection.open_recording(at(2), participant=GUEST, part=1)
    judge(inspection, "a")
    judge(inspection, "b")
    inspection.tell_findings(at(3), checklist=CHECKLIST)
    inspection.end(at(4), checklist=CHECKLIST)
    with pytest.raises(errors.RecordingOpenError):
        inspection.draft_sheet(at(5), record=ID, digest=DIGEST)


def test_a_sheet_is_fixed_once() -> None:
    inspection = drafted()
    inspection.draft_sheet(at(23), record=ID, digest=DIGEST)
    with pytest.raises(WrongStateError):
        inspection.draft_sheet(at(23), record=ID, digest="f" * 64)


def test_only_the_current_digest_is_signed() -> None:
    with pytest.raises(errors.SheetError):
        sign(ended(), WANG)
    with pytest.raises(errors.DigestError):
        sign(drafted(), WANG, "f" * 64)


def test_each_party_signs_once_or_refuses_with_a_reason() -> None:
    inspection = drafted()
    sign(inspection, WANG)
    inspection.refuse_signature(at(23), party=GUEST, digest=DIGEST, reason=SEALED)
    for party in (WANG, GUEST):
        with pytest.raises(errors.SignedError):
            sign(inspection, party)
    assert inspection.unsigned == [LIU]


def test_the_sheet_is_sealed_once_and_only_when_all_have_signed() -> None:
    inspection = drafted()
    with pytest.raises(errors.UnsignedError):
        inspection.seal_sheet(at(24), pdf=ID, pdf_sha256=DIGEST)
    for party in (WANG, LIU, GUEST):
        sign(inspection, party)
    inspection.seal_sheet(at(24), pdf=ID, pdf_sha256=DIGEST)
    inspection.seal_sheet(at(25), pdf=ID, pdf_sha256=DIGEST)
    assert inspection.status == "sealed"
    with pytest.raises(WrongStateError):
        inspection.seal_sheet(at(25), pdf=STILL, pdf_sha256=DIGEST)


@pytest.mark.parametrize("step", ["answer", "move", "arrive", "refuse"])
def test_after_the_end_only_the_sheet_remains(step: str) -> None:
    inspection = ended()
    with pytest.raises(WrongStateError):
        match step:
            case "answer":
                answer(inspection, accepted=False)
            case "move":
                inspection.move_on_site(at(30), reason=SEALED)
            case "arrive":
                inspection.arrive_on_site(at(30), party=WANG, position=None)
            case "refuse":
                inspection.refuse_remote(at(30), reason="no-camera")
    with pytest.raises(errors.InvitationEndedError):
        inspection.bind_invitation(at(30))


def test_who_leaves_after_the_end_is_noted_who_comes_is_not() -> None:
    inspection = ended()
    inspection.note_presence(at(30), party=GUEST, present=False)
    inspection.note_presence(at(30), party=GUEST, present=True)
    assert topics(inspection)[-2:] == ["inspection-ended", "participant-left"]
