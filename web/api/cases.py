"""Cases: filing them, looking at them, and every step that an applicant or officer takes."""

from __future__ import annotations

import re
from uuid import UUID

from aiohttp import web

from cases import commands as c
from cases.errors import MissingError
from cases.permissions import Role
from inspection.commands import PlanInspection
from projections.agenda import inspections_of_case
from projections.rows import CaseRow
from projections.worklists import Filter, find_case, find_case_by_number, list_cases
from web.abilities import subject_of_case
from web.call import Call
from web.live import follow
from web.opened import open_all, open_some
from web.present import case_summary, case_view
from web.routing import APPLICANT, MEMBERS, STAFF, Query, Routes
from web.searching import search_for
from web.views import CaseList, CaseView, Colleagues, Done

routes = Routes("cases")
_LISTED = 100
_NUMBER = re.compile(r"[A-Za-z]{2}[0-9]{8}-[0-9A-Za-z]{1,20}")
_REGIONAL = {Role.HEAD, Role.SUPERVISOR, Role.COMPLAINTS}
_QUERIES = (
    Query(name="q", about="a case number or its beginning, a phone number, or words of the item"),
    Query(name="view", about="mine, office or all that one may see", pattern="mine|office|all|"),
    Query(name="status", about="statuses, separated by commas", pattern="[a-z,-]{0,200}"),
)


async def _file(call: Call, body: c.SubmitApplication | c.SupplementCase) -> Done:
    """Files that were sent along come under the key of the applicant, whoever sent them."""
    done = await call.run(body)
    case = await find_case(call.services.pool, UUID(str(done.answer["case_id"])))
    if case is not None:
        ids = [id for material in body.materials for id in material.attachments]
        await call.files.adopt(ids, case.id)
    return done


@routes.post(
    "/cases",
    body=c.SubmitApplication,
    answer=Done,
    who=APPLICANT,
    asks="SubmitApplication",
    summary="File an application",
)
async def submit_application(call: Call, body: c.SubmitApplication) -> Done:
    return await _file(call, body)


@routes.post(
    "/cases/{case_id}/supplement", body=c.SupplementCase, answer=Done, who=MEMBERS, asks="SupplementCase",
    summary="Supply what the notice asked for",
)  # fmt: skip
async def supplement_case(call: Call, body: c.SupplementCase) -> Done:
    return await _file(call, body)


for _path, _command, _who, _summary in (
    ("withdraw", c.WithdrawCase, APPLICANT, "Withdraw the application"),
    ("gap-notice", c.IssueGapNotice, STAFF, "Issue the one-time notice"),
    ("accept", c.AcceptCase, STAFF, "Accept the application"),
    ("refuse-acceptance", c.RefuseAcceptance, STAFF, "Refuse acceptance, with reason"),
    ("handover", c.RequestHandover, STAFF, "Ask a colleague to become the companion"),
    ("handover/accept", c.AcceptHandover, STAFF, "Become the companion"),
    ("handover/decline", c.DeclineHandover, STAFF, "Decline to become the companion"),
    ("handover/withdraw", c.WithdrawHandover, STAFF, "Take back the offer of a handover"),
    ("return-visits", c.OpenReturnVisit, MEMBERS, "Open a return visit"),
    ("decide", c.DecideCase, STAFF, "Decide the case, with reasons"),
    ("evaluate", c.EvaluateCase, APPLICANT, "Rate the service"),
    ("inspections", PlanInspection, STAFF, "Plan an inspection"),
):
    routes.command(f"/cases/{{case_id}}/{_path}", _command, who=_who, summary=_summary)


@routes.get(
    "/cases", answer=CaseList, who=MEMBERS, asks="ViewCase", queries=_QUERIES, summary="My cases, or the worklist"
)
async def get_cases(call: Call) -> CaseList:
    wanted, own = await _filter(call), Role.APPLICANT in call.actor.roles
    page = await list_cases(call.services.pool, wanted, order="newest" if own else "urgent", limit=_LISTED)
    rows = call.visible(page.cases, subject_of_case)
    # Whoever may see none of them is not told how many there are either.
    return await case_list(call, rows, page.total if rows else 0)


@routes.get("/cases/{case_id}", answer=CaseView, who=MEMBERS, asks="ViewCase", summary="A case, by id or number")
async def get_case(call: Call) -> CaseView:
    row = await permitted_case(call)
    inspections = await inspections_of_case(call.services.pool, row.id)
    opened = await open_all(call.services, row, inspections)
    services = call.services
    return case_view(
        row, inspections, call.actor, opened,
        catalogue=services.catalogue, directory=services.directory, now=services.clock(),
    )  # fmt: skip


@routes.get(
    "/cases/{case_id}/live",
    who=MEMBERS,
    asks="ViewCase",
    media="text/event-stream",
    summary="Tells when the case changes",
)
async def follow_case(call: Call) -> web.StreamResponse:
    row = await permitted_case(call)
    return await follow(call, row.id, row.position)


@routes.get(
    "/colleagues", answer=Colleagues, who=STAFF, open_because="staff know who works in their own office",
    queries=(Query(name="role", about="reviewer or officer", pattern="reviewer|officer|head|"),),
    summary="Colleagues in one's own office",
)  # fmt: skip
async def get_colleagues(call: Call) -> Colleagues:
    role = Role(call.query("role") or "officer")
    holders = [f"staff:{entry.id}" for entry in call.services.directory.colleagues(role, call.actor.office)]
    opened = await open_some(call.services, (), holders)
    return Colleagues(people=[opened.person(holder) for holder in holders])


async def permitted_case(call: Call, action: str = "") -> CaseRow:
    """The case of the path, which may say its number; one that may not be seen is not there."""
    name = call.request.match_info["case_id"]
    pool = call.services.pool
    row = (
        await find_case_by_number(pool, name) if _NUMBER.fullmatch(name) else await find_case(pool, call.id("case_id"))
    )
    if row is None:
        raise MissingError
    call.permit(subject_of_case(row), action)
    return row


async def case_list(call: Call, rows: list[CaseRow], total: int) -> CaseList:
    services = call.services
    opened = await open_some(
        services, [ref for row in rows for ref in (row.party, row.place)], [r.companion for r in rows]
    )
    now = services.clock()
    return CaseList(
        cases=[
            case_summary(row, call.actor, opened, catalogue=services.catalogue, directory=services.directory, now=now)
            for row in rows
        ],
        total=total,
    )


async def _filter(call: Call) -> Filter:
    """An applicant sees his own; staff what their role, office and region reach."""
    actor = call.actor
    if Role.APPLICANT in actor.roles:
        return Filter(applicant=actor.id)
    mine = call.query("view") in ("", "mine") and Role.OFFICER in actor.roles
    everywhere = call.query("view") == "all" and bool(actor.roles & _REGIONAL)
    return Filter(
        companion=actor.id if mine else "",
        office="" if mine or everywhere else actor.office,
        region=actor.region,
        statuses=tuple(filter(None, call.query("status").split(","))),
        search=await search_for(call.services, call.query("q")),
    )
