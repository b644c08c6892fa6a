"""Complaints that bad ratings opened: answering, calling back, deciding."""

from __future__ import annotations

from cases import commands as c
from projections.complaints import list_complaints
from projections.worklists import find_cases
from web.abilities import subject_of_complaint
from web.call import Call
from web.opened import open_all
from web.present_inspection import complaint_view
from web.routing import STAFF, Routes
from web.views import ComplaintList

routes = Routes("complaints")

for _path, _command, _summary in (
    ("answer", c.AnswerComplaint, "Answer the person"),
    ("callback", c.RecordCallback, "Record a callback: solved, unsolved or not reached"),
    ("decide", c.DecideComplaint, "End a complaint by a leader's decision that was told to the person"),
):
    routes.command(f"/complaints/{{complaint_id}}/{_path}", _command, who=STAFF, summary=_summary)


@routes.get("/complaints", answer=ComplaintList, who=STAFF, asks="ViewComplaint", summary="Complaints of the region")
async def get_complaints(call: Call) -> ComplaintList:
    services = call.services
    found = await list_complaints(services.pool, region=call.actor.region)
    rows = call.visible(found, subject_of_complaint)
    cases = await find_cases(services.pool, [row.case_id for row in rows])
    shown = [(row, cases[row.case_id]) for row in rows if row.case_id in cases]
    facts = [(row, case.party, case.contact, case.evaluation) for row, case in shown]
    opened = await open_all(services, facts)
    views = [
        complaint_view(row, case, call.actor, opened, catalogue=services.catalogue, directory=services.directory)
        for row, case in shown
    ]
    return ComplaintList(complaints=views)
