"""What supervisors see: cases of their region, and every event of one."""

from __future__ import annotations

from projections.timeline import timeline_of
from projections.worklists import Filter, list_cases
from web.abilities import subject_of_case
from web.api.cases import case_list, permitted_case
from web.call import Call
from web.opened import open_all
from web.present import case_summary
from web.present_timeline import timeline_entry
from web.routing import STAFF, Query, Routes
from web.searching import search_for
from web.views import CaseList, Timeline

routes = Routes("oversight")
_WORDS = Query(name="q", about="a case number or its beginning, a phone number, or words of the item")


@routes.get(
    "/oversight/cases",
    answer=CaseList,
    who=STAFF,
    asks="Oversee",
    queries=(_WORDS,),
    summary="Find cases of one's region",
)
async def find_overseen(call: Call) -> CaseList:
    search = await search_for(call.services, call.query("q"))
    page = await list_cases(
        call.services.pool, Filter(region=call.actor.region, search=search), order="newest", limit=100
    )
    rows = call.visible(page.cases, subject_of_case)
    return await case_list(call, rows, page.total if rows else 0)


@routes.get(
    "/cases/{case_id}/timeline", answer=Timeline, who=STAFF, asks="ViewTimeline", summary="Every event of a case"
)
async def get_timeline(call: Call) -> Timeline:
    case = await permitted_case(call)
    rows = await timeline_of(call.services.pool, case.id)
    services = call.services
    opened = await open_all(services, rows, case.party, case.place, case.companion)
    summary = case_summary(
        case, call.actor, opened,
        catalogue=services.catalogue, directory=services.directory, now=services.clock(),
    )  # fmt: skip
    words = (opened, services.catalogue, services.directory)
    return Timeline(case=summary, entries=[timeline_entry(row, case, *words) for row in rows])
