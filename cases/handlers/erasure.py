"""Erasing a person's data: asked for by one, approved by another, completed by the reaction that carried it out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from uuid import UUID

from cases.case import Case
from cases.commands import ApproveErasure, CompleteErasure, DeclineErasure, RequestErasure
from cases.dispatch import Answer, Desk
from cases.erasure import ErasedRecording, Erasure, LeftCase
from cases.errors import InvalidInputError
from cases.handlers.holds import stands_in_the_way
from cases.permissions import Subject, person_id


class Erasures:
    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self._new_id = new_id

    async def request(self, desk: Desk, command: RequestErasure) -> Answer:
        """Cases that are open or held are left, and the request says so; the others are what is asked for."""
        cases = [await desk.peek(Case, case_id) for case_id in dict.fromkeys(command.cases)]
        # Of the region that contains them all: who approves has to be in charge of every one.
        region = _region_of_all([case.region for case in cases] or [desk.actor.region])
        desk.permit(Subject(office=desk.actor.office, region=region))
        free, left = [], list[LeftCase]()
        for case in cases:
            if person_id(case.applicant) != command.person:
                raise InvalidInputError(
                    "所选办件不是这位申请人的，请重新查找。", "One of these cases is not this person's. Search again."
                )
            if why := await stands_in_the_way(desk, case):
                left.append({"case": str(case.id), "why": why})
            elif not case.erased:
                free.append(case.id)
        erasure = Erasure.request(
            desk.context, id=self._new_id(), person=command.person, whole=command.whole, basis=command.basis,
            cases=free, left=left,
        )  # fmt: skip
        desk.add(erasure)
        return {"erasure_id": str(erasure.id), "cases": [str(id) for id in free], "left": len(left)}


def _region_of_all(codes: Sequence[str]) -> str:
    """The codes of divisions nest by prefix."""
    least, most = min(codes), max(codes)
    return next((least[:at] for at, (a, b) in enumerate(zip(least, most, strict=False)) if a != b), least)


async def approve_erasure(desk: Desk, command: ApproveErasure) -> Answer:
    erasure = await desk.get(Erasure, command.erasure_id)
    erasure.approve(desk.context)
    return {"erasure_id": str(erasure.id)}


async def decline_erasure(desk: Desk, command: DeclineErasure) -> Answer:
    erasure = await desk.get(Erasure, command.erasure_id)
    erasure.decline(desk.context, ground=command.ground)
    return {"erasure_id": str(erasure.id)}


async def complete_erasure(desk: Desk, command: CompleteErasure) -> Answer:
    """The erasure says what was done, each case that it was done to it: in one command, all or nothing."""
    erasure = await desk.get(Erasure, command.erasure_id)
    if erasure.finished:
        return {"erasure_id": str(erasure.id)}
    erasure.complete(
        desk.context,
        cases=command.cases,
        left=[{"case": case, "why": why} for case, why in sorted(command.left.items())],
        keys=command.keys,
        entries=command.entries,
        files=[str(file) for file in command.files],
        recordings=[
            ErasedRecording(inspection=str(part.inspection), participant=part.participant, part=part.part)
            for part in command.recordings
        ],
        forgotten=command.forgotten,
    )
    for case_id in command.cases:
        case = await desk.get(Case, case_id)
        if not case.erased:
            case.note_erased(desk.context, erasure.id)
    return {"erasure_id": str(erasure.id)}
