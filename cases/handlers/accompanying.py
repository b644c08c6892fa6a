"""The companion's side: handing over, and receiving an applicant who comes back (复诊)."""

from __future__ import annotations

from cases.case import Case
from cases.clock import office_day
from cases.commands import (
    AcceptHandover,
    CloseReturnVisit,
    DeclineHandover,
    OpenReturnVisit,
    RequestHandover,
    WithdrawHandover,
)
from cases.directory import Directory
from cases.dispatch import Answer, Desk
from cases.errors import InvalidInputError
from cases.handlers.filing import seal_one
from cases.organisation import staff_ref
from cases.permissions import Role
from cases.visit import Visit, visit_id, visit_number
from eventstore import AggregateNotFoundError


class Accompanying:
    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def request_handover(self, desk: Desk, command: RequestHandover) -> Answer:
        case = await desk.get(Case, command.case_id)
        colleague = self._directory.staff(command.to)
        if colleague.office != case.office or Role.OFFICER not in colleague.roles:
            raise InvalidInputError(
                "只能交接给受理机构的服务人员，请从名单中选择。",
                "A case is handed over to an officer of the office in charge. Choose one from the list.",
                fields={"to": {"zh": "请从名单中选择", "en": "choose one from the list"}},
            )
        note = await seal_one(desk, case, "handover-note", command.note)
        case.request_handover(desk.context, to=staff_ref(command.to), note=note)
        return {"case_id": str(case.id), "to": case.asked}

    async def accept_handover(self, desk: Desk, command: AcceptHandover) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.accept_handover(desk.context)
        return {"case_id": str(case.id), "companion": case.companion}

    async def decline_handover(self, desk: Desk, command: DeclineHandover) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.decline_handover(desk.context, reason=await seal_one(desk, case, "decline-reason", command.reason))
        return {"case_id": str(case.id), "companion": case.companion}

    async def withdraw_handover(self, desk: Desk, command: WithdrawHandover) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.withdraw_handover(desk.context)
        return {"case_id": str(case.id), "companion": case.companion}

    async def open_return_visit(self, desk: Desk, command: OpenReturnVisit) -> Answer:
        """A visit that is still open is given again: nobody draws a second number."""
        case = await desk.get(Case, command.case_id)
        case.check_return_visit()
        day = office_day(desk.now)
        ordinal = 1
        while (visit := await _visit(desk, case, ordinal)) is not None and not visit.is_open:
            ordinal += 1
        if visit is None:
            id = visit_id(case.id, day, ordinal)
            number = visit_number(id, day)
            visit = Visit.open(desk.context, id=id, case_id=case.id, number=number, officer=case.companion)
            desk.add(visit)
        return {"visit_id": str(visit.id), "number": visit.number, "officer": case.companion}

    async def close_return_visit(self, desk: Desk, command: CloseReturnVisit) -> Answer:
        """The present companion closes it, also when he took the case over meanwhile."""
        visit = await desk.peek(Visit, command.visit_id)
        case = await desk.get(Case, visit.case)
        visit.close(desk.context, outcome=await seal_one(desk, case, "visit-outcome", command.outcome))
        return {"visit_id": str(visit.id), "case_id": str(case.id)}


async def _visit(desk: Desk, case: Case, ordinal: int) -> Visit | None:
    try:
        return await desk.peek(Visit, visit_id(case.id, office_day(desk.now), ordinal))
    except AggregateNotFoundError:
        return None
