"""Inspections: agenda, page, and every step from the offer of a time to the signature."""

from __future__ import annotations

from typing import Annotated

import msgspec
from aiohttp import web
from msgspec import Meta

from cases.errors import MissingError
from cases.permissions import Role
from inspection import commands as c
from inspection.policies import INK
from projections.agenda import find_inspection, list_inspections
from projections.rows import CaseRow, InspectionRow
from projections.worklists import find_case, find_cases
from web.abilities import subject_of_inspection
from web.bodies import Part
from web.call import Call
from web.live import follow
from web.opened import open_all, open_some
from web.present import inspection_brief
from web.present_inspection import inspection_view
from web.routing import ALL, GUEST, OUTSIDE, PARTICIPANTS, STAFF, Query, Routes
from web.throttle import Limit
from web.views import Done, InspectionList, InspectionView

routes = Routes("inspections")
_DAY = Query(
    name="day", about="a day in Shanghai, YYYY-MM-DD; without it, all that is unfinished", pattern=r"\d{4}-\d\d-\d\d|"
)
_INK_LETTERS = 300_000
_STILLS = Limit("stills", 60, 1)
_SIGNATURES = Limit("signatures", 10, 5)


class SignBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """handwriting: the signature pad's picture as a data URL of a PNG."""

    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    handwriting: Annotated[str, Meta(max_length=_INK_LETTERS)]


for _path, _command, _who, _summary in (
    ("slot", c.OfferSlot, STAFF, "Offer a time; the applicant gets a link"),
    ("move-on-site", c.MoveOnSite, STAFF, "Go on at the premises"),
    ("arrive", c.ArriveOnSite, STAFF, "Say that one has arrived at the premises"),
    ("start", c.StartInspection, STAFF, "Start the inspection"),
    ("findings", c.TellFindings, STAFF, "Tell the applicant what passed and what to mend"),
    ("end", c.EndInspection, STAFF, "End the inspection"),
    ("items/{item}/judge", c.JudgeItem, STAFF, "Judge an item of the checklist"),
    ("confirm", c.ConfirmSlot, OUTSIDE, "Confirm the time"),
    ("notice", c.AnswerNotice, GUEST, "Answer the notice of recording"),
    ("refuse-remote", c.RefuseRemote, OUTSIDE, "Ask for an inspection on site instead"),
    ("refuse-signature", c.RefuseSignature, ALL, "Refuse to sign the sheet, with reason"),
):
    routes.command(f"/inspections/{{inspection_id}}/{_path}", _command, who=_who, summary=_summary)


@routes.get(
    "/inspections", answer=InspectionList, who=STAFF, asks="ViewInspection", queries=(_DAY,),
    summary="The agenda: mine, or the region's",
)  # fmt: skip
async def get_inspections(call: Call) -> InspectionList:
    actor, services = call.actor, call.services
    mine = actor.id if Role.REVIEWER in actor.roles else ""
    found = await list_inspections(services.pool, day=call.query("day"), inspector=mine, region=actor.region)
    visible = call.visible(found, subject_of_inspection)
    cases = await find_cases(services.pool, [row.case_id for row in visible])
    rows = [row for row in visible if row.case_id in cases]  # each read model goes at its own pace
    refs = [ref for row in rows for ref in (row.place, cases[row.case_id].party)]
    opened = await open_some(services, refs, [holder for row in rows for holder in row.inspectors])
    briefs = [inspection_brief(row, opened, services.catalogue, cases[row.case_id]) for row in rows]
    return InspectionList(inspections=briefs)


@routes.get(
    "/inspections/{inspection_id}", answer=InspectionView, who=ALL, asks="ViewInspection", summary="An inspection"
)
async def get_inspection(call: Call) -> InspectionView:
    row, case = await permitted_inspection(call)
    opened = await open_all(call.services, row, case.party)
    return inspection_view(row, case, call.actor, opened, call.services.catalogue)


@routes.get(
    "/inspections/{inspection_id}/live", who=ALL, asks="ViewInspection", media="text/event-stream",
    summary="Tells when the inspection changes",
)  # fmt: skip
async def follow_inspection(call: Call) -> web.StreamResponse:
    row, _ = await permitted_inspection(call)
    return await follow(call, row.id, row.position)


@routes.post(
    "/inspections/{inspection_id}/stills", upload=("item", "request"), answer=Done, who=PARTICIPANTS, asks="TakeStill",
    summary="A still for an item of the checklist",
)  # fmt: skip
async def take_still(call: Call, part: Part, fields: dict[str, str]) -> Done:
    row, _ = await permitted_inspection(call)
    await call.auth.throttle.take(_STILLS, call.actor.id)
    opened = await open_some(call.services, (row.place,), ())
    place = opened.text(row.place) or ""
    command = await call.evidence.take_still(row, call.command_id, fields.get("item", ""), part.data, place)
    async with call.evidence.kept_if_accepted(command.still_id):
        return await call.run(command)


@routes.post(
    "/inspections/{inspection_id}/sign", body=SignBody, answer=Done, who=ALL, asks="SignSheet",
    summary="Sign the digest of the sheet that was shown",
)  # fmt: skip
async def sign_sheet(call: Call, body: SignBody) -> Done:
    row, _ = await permitted_inspection(call)
    await call.auth.throttle.take(_SIGNATURES, call.actor.id)
    ink, sha256, id = await call.evidence.ink(body.handwriting, call.command_id)
    await call.evidence.put(row, id, {INK: ink})
    command = c.SignSheet(inspection_id=row.id, digest=body.digest, handwriting_id=id, handwriting_sha256=sha256)
    async with call.evidence.kept_if_accepted(id):
        return await call.run(command)


async def permitted_inspection(call: Call, action: str = "") -> tuple[InspectionRow, CaseRow]:
    """The inspection of the path and its case; one that may not be seen is not there."""
    row = await find_inspection(call.services.pool, call.id("inspection_id"))
    case = await find_case(call.services.pool, row.case_id) if row else None
    if row is None or case is None:
        raise MissingError
    call.permit(subject_of_inspection(row, case), action)
    return row, case
