"""Given events, then the row of the case, without a database."""

from __future__ import annotations

from typing import Any

from cases.case import (
    AcceptanceRefused,
    Case,
    CaseReceived,
    CaseSupplemented,
    CompanionAssigned,
    GapNoticeIssued,
    HandoverAccepted,
    HandoverDeclined,
    HandoverRequested,
)
from inspection.events import MovedOnSite, RemoteRefused, SlotConfirmed, SlotWithdrawn
from inspection.inspection import Inspection
from projections.progress_rules import receive, tell
from projections.rows import CaseRow, Ref
from tests.unit.projections import story as given
from tests.unit.projections.story import LI, WANG, Story, records, ref, sealed, uid


def case_row(story: Story) -> CaseRow:
    row: CaseRow | None = None
    for recorded in records(story.facts):
        if isinstance(recorded.event, CaseReceived):
            row = receive(recorded, recorded.event)
        else:
            assert row is not None
            tell(row, recorded)
    assert row is not None
    return row


def received() -> Story:
    story = Story()
    given.received(story, "first")
    return story


def notice(story: Story, *targets: str, number: int = 1) -> None:
    gaps = [{"target": target, "what": sealed(target)} for target in targets]
    story.tell(Case, uid("first"), GapNoticeIssued, number=number, gaps=gaps)


def supplement(story: Story, **form: Any) -> None:
    story.tell(Case, uid("first"), CaseSupplemented, form=form, materials=[], notice=1)


def test_a_notice_waits_for_the_applicant_and_a_supplement_for_the_office() -> None:
    story = received()
    assert case_row(story).needs == "office"
    notice(story, "area", "floor-plan")
    assert (case_row(story).status, case_row(story).needs) == ("gap-notice", "applicant")
    supplement(story, area="90")
    row = case_row(story)
    assert (row.status, row.needs) == ("supplemented", "office")
    assert [gap.done for gap in row.notices[0].gaps] == [True, False]


def test_a_new_phone_becomes_the_contact() -> None:
    story = received()
    notice(story, "phone")
    supplement(story, phone=sealed("new phone"))
    row = case_row(story)
    assert row.contact == row.form["phone"] == Ref(ref("new phone"))


def test_the_companion_changes_only_when_the_handover_is_accepted() -> None:
    story = received()
    story.tell(Case, uid("first"), HandoverRequested, to=WANG, note=sealed("note"))
    row = case_row(story)
    assert row.handover is not None and (row.handover.to, row.handover.by) == (WANG, LI)
    assert row.companion == LI
    story.tell(Case, uid("first"), HandoverDeclined, actor=WANG, reason=sealed("too busy"))
    assert (case_row(story).companion, case_row(story).handover) == (LI, None)
    story.tell(Case, uid("first"), HandoverRequested, to=WANG, note=sealed("please"))
    story.tell(Case, uid("first"), HandoverAccepted, actor=WANG, companion=WANG)
    story.tell(Case, uid("first"), CompanionAssigned, actor=WANG, companion=WANG, reason="handover")
    row = case_row(story)
    assert (row.companion, row.handover) == (WANG, None)
    assert [step.topic for step in row.steps].count("companion-assigned") == 1


def test_a_refused_acceptance_ends_the_case_with_its_reason() -> None:
    story = received()
    story.tell(Case, uid("first"), AcceptanceRefused, reason=sealed("why"), right_authority="市场监督管理局")
    row = case_row(story)
    assert (row.status, row.needs) == ("not-accepted", "")
    assert row.refusal is not None and row.refusal.right_authority == "市场监督管理局"
    assert row.steps[-1].detail == Ref(ref("why"))


def test_an_offered_slot_waits_for_the_applicant_until_he_confirms() -> None:
    story = received()
    inspection = given.planned(story, "first")
    assert (case_row(story).status, case_row(story).needs) == ("inspecting", "applicant")
    story.tell(Inspection, inspection, SlotConfirmed, actor=f"guest:{inspection}")
    assert case_row(story).needs == "office"


def test_refusing_the_remote_way_is_a_step_like_any_other() -> None:
    story = received()
    inspection = given.planned(story, "first")
    story.tell(Inspection, inspection, RemoteRefused, actor=f"guest:{inspection}", reason="no-camera")
    story.tell(Inspection, inspection, MovedOnSite, actor=WANG, reason=sealed("moved"), mode="on-site")
    row = case_row(story)
    assert row.inspections[0].mode == "on-site"
    assert [(step.topic, step.about) for step in row.steps[-2:]] == [
        ("remote-refused", "no-camera"),
        ("moved-on-site", "on-site"),
    ]


def test_a_withdrawn_time_is_the_offices_turn_and_a_step_that_the_applicant_reads() -> None:
    story = received()
    inspection = given.planned(story, "first")
    assert not case_row(story).needs_slot
    story.tell(Inspection, inspection, RemoteRefused, actor=f"guest:{inspection}", reason="no-camera")
    story.tell(Inspection, inspection, SlotWithdrawn, actor=f"guest:{inspection}")
    row = case_row(story)
    assert (row.needs, row.needs_slot, row.steps[-1].topic) == ("office", True, "slot-withdrawn")


def test_the_same_events_give_the_same_row() -> None:
    assert case_row(received()) == case_row(received())
