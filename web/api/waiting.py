"""What waits for whoever sits at a desk: the numbers beside the names of the lists."""

from __future__ import annotations

from cases.catalogue import ServiceItem
from cases.clock import office_day
from cases.permissions import Actor, Role
from projections.agenda import list_inspections
from projections.complaints import list_complaints
from projections.rows import CaseRow, ComplaintRow, InspectionRow
from projections.worklists import Filter, list_cases
from web.abilities import (
    case_abilities,
    complaint_abilities,
    inspection_abilities,
    subject_of_case,
    subject_of_complaint,
    subject_of_inspection,
)
from web.call import Call
from web.routing import STAFF, Routes
from web.views import Waiting

routes = Routes("waiting")
_COUNTED = 100
_IN_HAND = ("accepted", "inspecting", "inspected")
_OPEN = ("received", "gap-notice", "supplemented", *_IN_HAND)


@routes.get(
    "/waiting", answer=Waiting, who=STAFF,
    open_because="counts only what the table lets one see, where it offers one the next step",
    summary="How much waits for me",
)  # fmt: skip
async def get_waiting(call: Call) -> Waiting:
    return Waiting(cases=await _cases(call), inspections=await _inspections(call), complaints=await _complaints(call))


async def _cases(call: Call) -> int:
    """An officer's are those that he accompanies, wherever they are; a reviewer's those of his office."""
    actor, services = call.actor, call.services
    wanted = []
    if Role.OFFICER in actor.roles:
        wanted.append(Filter(companion=actor.id, statuses=_OPEN))
    if Role.REVIEWER in actor.roles:
        wanted.append(Filter(office=actor.office, statuses=_IN_HAND))
    pages = [await list_cases(services.pool, one, limit=_COUNTED) for one in wanted]
    found = {row.id: row for page in pages for row in page.cases}
    seen = call.visible(found.values(), subject_of_case, "ViewCase")
    return sum(_case_waits(actor, row, services.catalogue.version(row.item, row.item_version)) for row in seen)


def _case_waits(actor: Actor, row: CaseRow, item: ServiceItem) -> bool:
    offered = set(case_abilities(actor, row, (), item))  # an inspection under way is asked for below
    if "AcceptHandover" in offered:
        return True
    looked_at = any(inspection.stage != "sealed" for inspection in row.inspections[-1:])
    return row.needs == "office" and not looked_at and bool(offered & {"AcceptCase", "PlanInspection", "DecideCase"})


async def _inspections(call: Call) -> int:
    """Those to arrange, those of today and before, those that run, and those to sign."""
    actor, services = call.actor, call.services
    if Role.REVIEWER not in actor.roles:
        return 0
    rows = await list_inspections(services.pool, inspector=actor.id, region=actor.region)
    today = office_day(services.clock())
    seen = call.visible(rows, subject_of_inspection, "ViewInspection")
    return sum(_inspection_waits(actor, row, today.isoformat()) for row in seen)


def _inspection_waits(actor: Actor, row: InspectionRow, today: str) -> bool:
    offered = set(inspection_abilities(actor, row))
    due = row.status == "planned" or (row.day != "" and row.day <= today)
    return bool(offered & {"JudgeItem", "SignSheet"}) or ("StartInspection" in offered and due)


async def _complaints(call: Call) -> int:
    actor = call.actor
    if not actor.roles & {Role.COMPLAINTS, Role.HEAD}:
        return 0
    rows = await list_complaints(call.services.pool, region=actor.region)
    seen = call.visible(rows, subject_of_complaint, "ViewComplaint")
    return sum(_complaint_waits(actor, row) for row in seen)


def _complaint_waits(actor: Actor, row: ComplaintRow) -> bool:
    """A leader may end every open complaint; only one that was escalated waits for him."""
    offered = complaint_abilities(actor, row)
    return "AnswerComplaint" in offered or (row.status == "escalated" and "DecideComplaint" in offered)
