"""What a case page says about what comes next, and why something cannot be done yet."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from cases.errors import MissingError
from cases.permissions import Actor, Role
from eventstore import Event, Recorded
from inspection.events import InspectionPlanned
from inspection.inspection import Inspection
from projections.agenda_rules import plan, tell
from projections.rows import CaseRow, CaseStatus, DecisionRow, InspectionLink, InspectionRow, Ref
from tests.unit.inspection import given
from web.abilities import blocked, case_abilities, cautions
from web.opened import Opened
from web.present_next import follow_up, licence

OPENED = Opened({given.SEALED["ref"]: "冷藏设备温度过高"}, None)  # type: ignore[arg-type]  # asked for staff only
REVIEWER = Actor(id=given.WANG, roles=frozenset({Role.REVIEWER}), channel="desk", office="370202-sp", region="370202")
ITEM = given.service_item()


def inspection_row(inspection: Inspection, opened: int = 1) -> InspectionRow:
    row: InspectionRow | None = None
    for position, event in enumerate(inspection.pending_events, opened):
        assert isinstance(event, Event)
        recorded = Recorded(position, inspection.id, event.originator_version, event.TOPIC, event, b"")
        if isinstance(event, InspectionPlanned):
            row = plan(recorded, event)
        else:
            assert row is not None
            tell(row, recorded)
    assert row is not None
    return row


def case_row(status: CaseStatus = "inspected", *links: InspectionLink) -> CaseRow:
    return CaseRow(
        id=given.CASE, opened=1, position=1, number="QD20261120-7K4XPM", item="restaurant", item_version=1,
        status=status, needs="office", received_at=given.NOW, applicant=given.APPLICANT, contact=Ref("x"),
        office="370202-sp", region="370202", inspection_mode="either", form={}, materials=[], inspections=list(links),
    )  # fmt: skip


def link(stage: str, outcome: str = "") -> InspectionLink:
    return InspectionLink(id=given.ID, mode="remote", stage=stage, outcome=outcome)


def test_after_a_second_look_was_ordered_the_page_says_what_to_mend_by_when_and_what_follows() -> None:
    row = inspection_row(given.ended(b="rectify-by"))
    told = follow_up(case_row(), [row], ITEM, OPENED)
    assert told is not None
    assert [(item.code, item.note) for item in told.items] == [("b", "冷藏设备温度过高")]
    assert told.due == given.NOW + timedelta(days=5)
    assert told.stage == "to-mend"
    assert "复核" in told.text.zh and "second inspection" in told.text.en


def test_once_the_second_inspection_is_planned_the_page_says_so() -> None:
    first = inspection_row(given.ended(b="rectify-by"))
    second = inspection_row(given.planned("on-site"), opened=90)
    told = follow_up(case_row("inspecting"), [first, second], ITEM, OPENED)
    assert told is not None
    assert (told.stage, told.inspection_id) == ("recheck-planned", first.id)


@pytest.mark.parametrize("status", ["granted", "refused", "withdrawn"])
def test_nothing_is_to_be_mended_once_the_case_is_over(status: CaseStatus) -> None:
    assert follow_up(case_row(status), [inspection_row(given.ended(b="rectify-by"))], ITEM, OPENED) is None
    assert follow_up(case_row(), [inspection_row(given.ended())], ITEM, OPENED) is None


def test_a_licence_follows_within_ten_working_days_of_the_decision() -> None:
    """行政许可法 §44; the days are working days (§82)."""
    row = case_row("granted")
    friday = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    row.decision = DecisionRow(at=friday, by=given.WANG, granted=True, reasons=Ref("x"), remedies=[], basis="")
    told = licence(row)
    assert told is not None
    assert (told.ends, told.days, told.collect_confirmed) == ("2026-12-04", 10, False)
    row.decision.granted = False
    assert licence(row) is None


def test_who_may_decide_reads_whose_signature_is_missing() -> None:
    inspection = given.drafted()
    given.sign(inspection, given.WANG)
    row, case = inspection_row(inspection), case_row("inspected", link("ended", "passed"))
    named = Opened({}, NoDirectory())  # type: ignore[arg-type]  # only asked for a member of staff
    why = blocked(REVIEWER, case, [row], ITEM, named)
    assert "DecideCase" not in case_abilities(REVIEWER, case, [row], ITEM)
    assert "待签：工作人员、申请人" in why["DecideCase"].zh
    assert "尚未办结" in why["PlanInspection"].zh
    applicant = Actor(id=given.APPLICANT, roles=frozenset({Role.APPLICANT}), channel="phone")
    assert blocked(applicant, case, [row], ITEM, named) == {}


def test_before_acceptance_neither_planning_nor_deciding_is_possible_and_the_page_says_why() -> None:
    assert set(blocked(REVIEWER, case_row("received"), [], ITEM, OPENED)) == {"DecideCase", "PlanInspection"}
    told = blocked(REVIEWER, case_row("accepted"), [], ITEM, OPENED)
    assert set(told) == {"DecideCase"} and "先勘验" in told["DecideCase"].zh


def test_planning_anew_says_that_it_replaces_what_has_not_begun() -> None:
    case, row = case_row("inspecting", link("planned")), inspection_row(given.offered())
    assert "PlanInspection" in case_abilities(REVIEWER, case, [row], ITEM)
    assert "代替" in cautions(REVIEWER, case, [row], ITEM)["PlanInspection"].zh


class NoDirectory:
    """Knows nobody: staff are then called by what they are."""

    def staff(self, id: UUID) -> object:

        raise MissingError
