"""Given events, then rows."""

from __future__ import annotations

from typing import Any

import pytest

from cases.case import Case, HandoverAccepted, HandoverRequested
from cases.complaint import complaint_id
from cases.evaluation import evaluation_id
from eventstore import EventStore
from projections import Runner
from projections.agenda import find_inspection, inspections_of_case, list_inspections
from projections.complaints import find_complaint, list_complaints
from projections.people import colleagues, find_staff, offices
from projections.rows import CaseRow, Ref
from projections.timeline import timeline_of
from projections.worklists import (
    Filter,
    Search,
    count_by_status,
    find_case,
    find_case_by_number,
    find_case_of,
    find_cases,
    list_cases,
)
from tests.unit.projections import story as given
from tests.unit.projections.story import LI, OFFICE, WANG, ZHAO, Story, ref, uid


async def told(store: EventStore, runner: Runner, story: Story) -> None:
    assert await runner.wait_for(await given.write(store, story.facts), timeout=30)


@pytest.fixture
async def life(store: EventStore, runner: Runner) -> Story:
    story = given.whole_life()
    await told(store, runner, story)
    return story


async def a_case(pool: Any, name: str = "first") -> CaseRow:
    row = await find_case(pool, uid(name))
    assert row is not None
    return row


async def test_a_case_shows_its_form_materials_notice_and_visit(pool: Any, life: Story) -> None:
    case = await a_case(pool)
    assert (case.number, case.status, case.needs, case.companion) == ("QD20260921-FIRST", "granted", "", LI)
    assert case.form["area"] == "85"
    assert (case.party, case.place) == (Ref(ref("first name")), Ref(ref("first address")))
    (material,) = case.materials
    assert [a.id for a in material.attachments] == [uid("first plan"), uid("first better plan")]
    (notice,) = case.notices
    assert [gap.done for gap in notice.gaps] == [True, True]
    assert notice.supplemented_at is not None
    (visit,) = case.visits
    assert (visit.number, visit.outcome) == ("F0921-482", Ref(ref("first visit outcome")))
    assert visit.closed_at is not None


async def test_a_case_shows_deadline_decision_rating_and_complaint(pool: Any, life: Story) -> None:
    case = await a_case(pool)
    assert case.deadline is not None and case.decision is not None and case.evaluation is not None
    assert (case.deadline.promised_ends, case.deadline.statutory_ends) == ("2026-09-30", "2026-10-13")
    assert (case.decision.granted, case.decision.by) == (True, WANG)
    assert (case.evaluation.level, case.evaluation.comment) == (2, Ref(ref("first comment")))
    assert case.complaint == complaint_id(evaluation_id(case.id))
    (link,) = case.inspections
    assert (link.id, link.stage, link.outcome) == (uid("first inspection"), "sealed", "passed")


async def test_the_steps_of_a_case_are_in_the_order_they_happened(pool: Any, life: Story) -> None:
    steps = (await a_case(pool)).steps
    assert [step.position for step in steps] == sorted(step.position for step in steps)
    assert [step.topic for step in steps][:3] == ["case-received", "companion-assigned", "gap-notice-issued"]
    assert steps[-1].topic == "complaint-solved"
    assert "recording-head" not in {step.topic for step in steps}


async def test_a_case_is_found_by_number_and_by_what_belongs_to_it(pool: Any, life: Story) -> None:
    for found in (
        await find_case_by_number(pool, "qd20260921-first"),
        await find_case_of(pool, uid("first visit")),
        await find_case_of(pool, uid("first inspection")),
        await find_case_of(pool, complaint_id(evaluation_id(uid("first")))),
        (await find_cases(pool, [uid("first"), uid("unknown")]))[uid("first")],
    ):
        assert found is not None and found.id == uid("first")
    assert await find_case(pool, uid("unknown")) is None


async def test_an_inspection_row_holds_all_that_its_page_shows(pool: Any, life: Story) -> None:
    row = await find_inspection(pool, uid("first inspection"))
    assert row is not None
    assert (row.status, row.outcome, row.day, row.notice_answered) == ("sealed", "passed", "2026-09-23", "accepted")
    assert (row.checks["kitchen"].verdict, row.checks["kitchen"].judged_by) == ("pass", ZHAO)
    assert [still.id for still in row.stills] == [uid("first still")]
    (recording,) = row.recordings
    assert (recording.status, recording.size, len(recording.gaps)) == ("sealed", 8192, 1)
    signed = {participant.party: participant.signed for participant in row.participants}
    assert signed == {f"guest:{row.id}": "signed", WANG: "signed", ZHAO: "refused"}
    assert {p.party for p in row.participants if p.present} == {WANG, ZHAO}
    assert (row.sheet.status, row.sheet.digest, row.sheet.pdf) == ("sealed", "ef" * 32, uid("first pdf"))
    assert row.findings_told_at is not None and [mend.by for mend in row.mend] == [None]


async def test_the_agenda_finds_inspections_by_day_inspector_and_region(pool: Any, life: Story) -> None:
    assert len(await list_inspections(pool, day="2026-09-23", inspector=WANG, region="3702")) == 1
    assert await list_inspections(pool, day="2026-09-23", inspector=LI) == []
    assert await list_inspections(pool, day="2026-09-22") == []
    assert await list_inspections(pool, inspector=WANG) == []  # sealed ones come by day only
    assert [row.id for row in await inspections_of_case(pool, uid("first"))] == [uid("first inspection")]


async def test_the_timeline_holds_every_event_that_belongs_to_the_case(pool: Any, life: Story) -> None:
    rows = await timeline_of(pool, uid("first"))
    offices_and_people = 7
    assert [row.topic for row in rows] == [fact.event.TOPIC for fact in life.facts[offices_and_people:]]
    assert {row.stream for row in rows} == {"case", "visit", "inspection", "evaluation", "complaint"}
    first = rows[0]
    assert first.channel == "phone" and len(first.hash) == 64
    assert first.facts["form"]["area"] == "80" and first.facts["contact"]["ref"] == ref("first phone")
    assert not {"actor", "timestamp", "originator_id"} & first.facts.keys()


async def test_an_escalated_complaint_is_the_upper_offices(pool: Any, life: Story) -> None:
    row = await find_complaint(pool, complaint_id(evaluation_id(uid("first"))))
    assert row is not None
    assert (row.status, row.office, row.region, row.due) == ("solved", "city", "3702", "2026-10-09")
    assert [callback.result for callback in row.callbacks] == ["unsolved", "solved"]
    assert row.reply == Ref(ref("first better reply"))
    assert [c.id for c in await list_complaints(pool, region="3702")] == [row.id]
    assert await list_complaints(pool, region="370212") == []


async def test_colleagues_are_listed_with_those_on_duty_first(pool: Any, life: Story) -> None:
    assert [f"staff:{row.id}" for row in await colleagues(pool, OFFICE, "reviewer")] == [WANG, ZHAO]
    people = await find_staff(pool, [LI, "system:room", "person:nobody"])
    assert (people[LI].name, people[LI].deputy) == (Ref(ref("name of li")), WANG)
    assert (await offices(pool))[OFFICE].parent == "city"


async def test_worklists_show_what_waits_for_the_office_first(store: EventStore, runner: Runner, pool: Any) -> None:
    story = Story()
    for name in ("a", "b", "c"):
        given.received(story, name)
    given.supplemented(story, "c")
    given.planned(story, "c")  # its slot waits for the applicant
    given.supplemented(story, "b")  # accepted, with a day
    await told(store, runner, story)

    page = await list_cases(pool, Filter(companion=LI))
    assert [case.number[-1] for case in page.cases] == ["B", "A", "C"]
    assert [case.needs for case in page.cases] == ["office", "office", "applicant"]
    assert await count_by_status(pool, Filter(office=OFFICE)) == {"accepted": 1, "inspecting": 1, "received": 1}

    first = await list_cases(pool, Filter(region="3702"), order="newest", limit=1)
    assert ([case.number[-1] for case in first.cases], first.total) == (["C"], 3)


async def test_a_search_fits_by_number_item_or_applicant(store: EventStore, runner: Runner, pool: Any) -> None:
    story = Story()
    for name in ("a", "b"):
        given.received(story, name)
    await told(store, runner, story)

    async def found(search: Search) -> set[str]:
        return {case.number[-1] for case in (await list_cases(pool, Filter(search=search))).cases}

    assert await found(Search(number="qd20260921-a")) == {"A"}
    assert await found(Search(items=("food-business",))) == {"A", "B"}
    assert await found(Search(applicants=(f"person:{uid('applicant of b')}",))) == {"B"}
    assert await found(Search()) == set()
    mine = await list_cases(pool, Filter(applicant=f"person:{uid('applicant of a')}"))
    assert mine.total == 1


async def test_whoever_is_asked_to_take_over_sees_the_case_in_his_list(
    store: EventStore, runner: Runner, pool: Any
) -> None:
    story = Story()
    case = given.received(story, "a")
    story.tell(Case, case, HandoverRequested, to=WANG, note=given.sealed("handover"))
    await told(store, runner, story)
    (asked,) = (await list_cases(pool, Filter(companion=WANG))).cases
    assert asked.companion == LI and asked.handover is not None and asked.handover.to == WANG

    later = Story(now=story.now)
    later.tell(Case, case, HandoverAccepted, actor=WANG, companion=WANG)
    await told(store, runner, later)
    assert (await list_cases(pool, Filter(companion=LI))).total == 0
    assert (await a_case(pool, "a")).companion == WANG
