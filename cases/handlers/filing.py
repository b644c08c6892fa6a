"""The applicant's side: filing, supplementing, withdrawing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from cases.case import AttachmentRecord, Case, MaterialRecord
from cases.catalogue import ServiceItem
from cases.clock import office_day
from cases.commands import SubmitApplication, SupplementCase, SuppliedMaterial, WithdrawCase
from cases.directory import Directory
from cases.dispatch import Answer, Desk
from cases.intake import (
    DISTRICT_FIELD,
    PHONE_FIELD,
    ClaimedFile,
    StagedFiles,
    check_form,
    check_kinds,
    check_materials,
)
from cases.organisation import DIVISIONS, staff_ref
from cases.permissions import Subject, person_id
from eventstore.aggregate import Sealed


async def seal_one(desk: Desk, case: Case, name: str, text: str) -> Sealed:
    """A text about a case lies with its applicant's values: erasing the person erases it."""
    return (await desk.seal(person_id(case.applicant), case.id, {name: text}))[name]


class Filing:
    def __init__(self, directory: Directory, staged: StagedFiles, new_id: Callable[[], UUID]) -> None:
        self._directory = directory
        self._staged = staged
        self._new_id = new_id

    async def submit(self, desk: Desk, command: SubmitApplication) -> Answer:
        item = desk.catalogue.current(command.item)
        form = check_form(item, command.form, today=office_day(desk.now))
        check_materials(item, command.materials)
        office = self._directory.office_in_charge(DIVISIONS[form[DISTRICT_FIELD]])
        applicant = desk.actor.id
        desk.permit(Subject(office=office.code, region=office.region, applicant=applicant))
        case_id = self._new_id()
        person = person_id(applicant)
        companion = staff_ref(self._directory.companion_for(office.code, case_id))
        values = await _seal_form(desk, person, case_id, item, form)
        contact = values[PHONE_FIELD]
        assert not isinstance(contact, str), "the lint keeps the telephone number personal"
        case = Case.receive(
            desk.context,
            id=case_id,
            item=item,
            contact=contact,
            form=values,
            materials=await self._take(desk, person, case_id, item, command.materials),
            inspection_mode=command.inspection_mode,
            companion=companion,
        )
        desk.add(case)
        return {
            "case_id": str(case.id),
            "number": case.number,
            "received_at": case.received_at.isoformat(),
            "companion": companion,
        }

    async def supplement(self, desk: Desk, command: SupplementCase) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.check_supplement()
        item = desk.catalogue.version(case.item, case.item_version)
        form = check_form(item, command.form, today=office_day(desk.now), partial=True)
        check_materials(item, command.materials)
        person = person_id(case.applicant)
        case.supplement(
            # At the counter the companion acts for the applicant (R4).
            replace(desk.context, principal=case.applicant),
            form=await _seal_form(desk, person, case.id, item, form),
            materials=await self._take(desk, person, case.id, item, command.materials),
        )
        return {"case_id": str(case.id), "outstanding": sorted(case.outstanding)}

    async def withdraw(self, desk: Desk, command: WithdrawCase) -> Answer:
        case = await desk.get(Case, command.case_id)
        case.withdraw(desk.context, reason=await seal_one(desk, case, "withdrawal", command.reason))
        return {"case_id": str(case.id)}

    async def _take(
        self, desk: Desk, person: UUID, case_id: UUID, item: ServiceItem, supplied: Sequence[SuppliedMaterial]
    ) -> list[MaterialRecord]:
        ids = list(dict.fromkeys(id for material in supplied for id in material.attachments))
        if not ids:
            return []
        files = {file.id: file for file in await self._staged.claim(ids, desk.actor.id, person)}
        check_kinds(item, supplied, files)
        names = await desk.seal(person, case_id, {str(id): files[id].name for id in ids})
        return [
            {
                "material": material.material,
                "attachments": [_attachment(files[id], names[str(id)]) for id in material.attachments],
            }
            for material in supplied
        ]


def _attachment(file: ClaimedFile, name: Sealed) -> AttachmentRecord:
    return {"id": str(file.id), "kind": file.kind, "sha256": file.sha256, "size": file.size, "name": name}


async def _seal_form(
    desk: Desk, person: UUID, case_id: UUID, item: ServiceItem, form: Mapping[str, str]
) -> dict[str, str | Sealed]:
    """Everything but choices, whose words are the item's: figures and days tell of a person too when put together."""
    chosen = {field.code for field in item.form if field.kind == "choice" and not field.personal}
    sealed = await desk.seal(person, case_id, {code: value for code, value in form.items() if code not in chosen})
    return {code: sealed.get(code, value) for code, value in form.items()}
