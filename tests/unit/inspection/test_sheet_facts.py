from __future__ import annotations

import json
from datetime import timedelta
from uuid import UUID

import pytest

from inspection.inspection import Inspection
from inspection.sheet import record as r
from inspection.sheet_facts import ERASED, Facts, UnfinishedError, build, gather, references
from tests.unit.inspection.given import (
    CHECKLIST,
    DIGEST,
    GUEST,
    LIU,
    NOW,
    SEALED,
    WANG,
    at,
    ended,
    judge,
    running,
    service_item,
)

STILL = UUID("00000000-0000-4000-8000-00000000000a")


def facts_of(inspection: Inspection) -> Facts:
    return gather(event for event in inspection.pending_events)  # type: ignore[misc]  # all of them are ours


def record_of(inspection: Inspection, **changes: object) -> r.SheetRecord:
    options: dict[str, object] = {
        "item": service_item(),
        "office_name": "市南区行政审批服务局",
        "names": {GUEST: "张三饭店", WANG: "王检查", LIU: "刘检查"},
        "certificates": {WANG: "鲁B-1", LIU: "鲁B-2"},
        "opened": {SEALED["ref"]: "香港中路 1 号"},
        "salt": "0" * 32,
    } | changes
    return build(facts_of(inspection), **options)  # type: ignore[arg-type]  # named above


def recorded(*parts: tuple[float, float], gaps: list[tuple[float, float, str]] | None = None) -> Inspection:
    """An inspection of twenty minutes with parts of recording from … to …, in minutes after NOW."""
    inspection = running()
    for number, (since, until) in enumerate(parts, 1):
        inspection.open_recording(at(since), participant=GUEST, part=number)
        inspection.seal_recording(
            at(until),
            participant=GUEST,
            part=number,
            head=DIGEST,
            size=9,
            first=NOW + timedelta(minutes=since),
            last=NOW + timedelta(minutes=until),
            gaps=[(NOW + timedelta(minutes=a), NOW + timedelta(minutes=b), why) for a, b, why in gaps or []],
            recovered=False,
        )
    for code in ("a", "b"):
        judge(inspection, code)
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    return inspection


def test_the_same_events_give_the_same_bytes() -> None:
    inspection = recorded((1, 21))
    first, second = r.canonical(record_of(inspection)), r.canonical(record_of(inspection))
    assert first == second
    assert json.loads(first)["case"]["number"] == "QD20261120-7K4XPM"


def test_what_happens_after_the_end_does_not_change_the_record() -> None:
    inspection = recorded((1, 21))
    before = r.canonical(record_of(inspection))
    inspection.note_presence(at(30), party=GUEST, present=False)
    inspection.draft_sheet(at(31), record=STILL, digest=DIGEST)
    assert r.canonical(record_of(inspection)) == before


def test_nothing_is_written_before_the_end_or_while_a_part_is_open() -> None:
    with pytest.raises(UnfinishedError):
        record_of(running())
    inspection = running()
    inspection.open_recording(at(2), participant=GUEST, part=1)
    for code in ("a", "b"):
        judge(inspection, code)
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    with pytest.raises(UnfinishedError):
        record_of(inspection)
    with pytest.raises(UnfinishedError):
        gather([])


def test_presence_is_what_lies_between_start_and_end() -> None:
    inspection = running()
    inspection.note_presence(at(5), party=GUEST, present=False)
    inspection.note_presence(at(7), party=GUEST, present=True)
    for code in ("a", "b"):
        judge(inspection, code)
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    inspection.note_presence(at(25), party=WANG, present=False)
    people = {p.party: p for p in record_of(inspection).participants}
    minutes = [
        ((stay.since - NOW).total_seconds() / 60, (stay.until - NOW).total_seconds() / 60)
        for stay in people[GUEST].present
    ]
    assert minutes == [(1, 5), (7, 21)]
    assert [(p.role, p.name, p.certificate) for p in people.values()] == [
        ("applicant", "张三饭店", ""),
        ("inspector", "王检查", "鲁B-1"),
        ("inspector", "刘检查", "鲁B-2"),
    ]
    assert people[WANG].present == (r.Presence(since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=21)),)


def test_items_stand_in_the_order_of_the_checklist_with_their_last_verdict() -> None:
    inspection = running()
    inspection.take_still(
        at(2), still=STILL, check=CHECKLIST[1], party=GUEST, sha256=DIGEST, marked_sha256=DIGEST, width=8, height=6
    )
    judge(inspection, "b", "fail")
    judge(inspection, "a")
    judge(inspection, "b", "rectify-by")
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    record = record_of(inspection)
    assert [(item.code, item.verdict) for item in record.items] == [("a", "pass"), ("b", "rectify-by"), ("c", None)]
    assert [still.id for still in record.items[1].stills] == [str(STILL)]
    assert record.findings.passed == ("a",)
    assert [(mend.code, mend.what, str(mend.by)) for mend in record.findings.mend] == [
        ("b", "香港中路 1 号", "2026-11-25")
    ]
    assert record.outcome == "rectify"
    r.canonical(record)


def test_gaps_between_and_around_the_parts_of_the_camera_are_told() -> None:
    record = record_of(recorded((2, 5), (8, 20), gaps=[]))
    spans = [
        [((g.since - NOW).total_seconds() / 60, (g.until - NOW).total_seconds() / 60) for g in part.gaps]
        for part in record.recordings
    ]
    assert spans == [[(1, 2)], [(5, 8), (20, 21)]]
    assert [part.seconds for part in record.recordings] == [180.0, 720.0]


def test_seconds_leave_out_what_is_missing_once() -> None:
    gaps = [(3.0, 4.0, "video-lost"), (3.5, 5.0, "audio-silent")]
    (part,) = record_of(recorded((1, 21), gaps=gaps)).recordings
    assert part.seconds == 18 * 60
    assert [gap.reason for gap in part.gaps] == ["video-lost", "audio-silent"]


def test_moving_on_site_in_the_middle_stands_on_the_sheet() -> None:
    inspection = running()
    inspection.refuse_remote(at(3), reason="no-camera")
    for code in ("a", "b"):
        judge(inspection, code)
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    assert record_of(inspection).inspection.mode == "mixed"


def test_what_was_erased_is_said_to_be() -> None:
    record = record_of(ended(), names={}, opened={SEALED["ref"]: None})
    assert record.inspection.place == ERASED
    assert {p.name for p in record.participants} == {ERASED}
    assert SEALED["ref"] in references(facts_of(ended()))


def test_an_inspection_on_site_has_a_sheet_without_notice_and_recording() -> None:
    record = record_of(ended("on-site"))
    assert (record.notice, record.recordings, record.inspection.mode) == (None, (), "on-site")
    assert record.participants[1].present
    r.canonical(record)
