"""Offices, appointments, duty and deputies."""

from __future__ import annotations

from cases.commands import AppointStaff, EstablishOffice, NameDeputy, SetDuty
from cases.dispatch import Answer, Desk
from cases.errors import WrongStateError
from cases.organisation import Office, Staff, office_id
from cases.permissions import Subject
from eventstore import AggregateNotFoundError


async def establish_office(desk: Desk, command: EstablishOffice) -> Answer:
    desk.permit(Subject(office=command.code, region=command.region))
    try:
        await desk.peek(Office, office_id(command.code))
    except AggregateNotFoundError:
        pass
    else:
        raise WrongStateError("这个机构代码已在使用，请换一个。", "This office code is in use. Choose another.")
    office = Office.establish(
        desk.context,
        code=command.code,
        name={"zh": command.name, "en": command.name_en},
        level=command.level,
        parent=await desk.peek(Office, office_id(command.parent)) if command.parent else None,
    )
    desk.add(office)
    return {"office": office.code}


async def appoint_staff(desk: Desk, command: AppointStaff) -> Answer:
    office = await desk.get(Office, office_id(command.office))
    try:
        await desk.peek(Staff, command.staff_id)
    except AggregateNotFoundError:
        pass
    else:
        raise WrongStateError("这位工作人员已经任用。", "This member of staff has been appointed already.")
    sealed = await desk.seal(command.staff_id, office.id, {"name": command.name})
    staff = Staff.appoint(
        desk.context,
        id=command.staff_id,
        name=sealed["name"],
        post={"zh": command.post, "en": command.post_en},
        roles=list(command.roles),
        certificate=command.certificate,
    )
    desk.add(staff)
    return {"staff_id": str(staff.id)}


async def set_duty(desk: Desk, command: SetDuty) -> Answer:
    staff = await desk.get(Staff, command.staff_id)
    staff.set_duty(desk.context, on_duty=command.on_duty)
    return {"staff_id": str(staff.id), "on_duty": staff.on_duty}


async def name_deputy(desk: Desk, command: NameDeputy) -> Answer:
    staff = await desk.get(Staff, command.staff_id)
    staff.name_deputy(desk.context, await desk.peek(Staff, command.deputy))
    return {"staff_id": str(staff.id), "deputy": str(command.deputy)}
