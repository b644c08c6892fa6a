"""The names of who takes part, opened from the vault: for the room and for the sheet."""

from __future__ import annotations

from uuid import UUID

from cases.case import Case
from cases.organisation import Staff
from eventstore import EventStore
from inspection.inspection import Inspection

NAME = "name"
"""The form field with the applicant's name."""
PERSON = "legal-representative"
"""The form field with the natural person who answers for the applicant."""


async def names_of(store: EventStore, inspection: Inspection) -> dict[str, str | None]:
    """By party. A name that was erased is None."""
    case = await store.get(Case, UUID(inspection.case))
    name = case.form.get(NAME)
    names: dict[str, str | None] = {inspection.applicant_party: name if isinstance(name, str) else None}
    refs = {} if name is None or isinstance(name, str) else {inspection.applicant_party: name["ref"]}
    for party in inspection.inspectors:
        staff = await store.get(Staff, UUID(party.removeprefix("staff:")))
        if staff.name is not None:
            refs[party] = staff.name["ref"]
    opened = await store.vault.open(refs.values())
    return names | {party: opened.get(ref) for party, ref in refs.items()}


async def names_for_sheet(store: EventStore, inspection: Inspection) -> dict[str, str | None]:
    """As `names_of`, with the person who answers for a shop beside its name: a shop cannot sign."""
    names = await names_of(store, inspection)
    shop, person = names[inspection.applicant_party], (await store.get(Case, UUID(inspection.case))).form.get(PERSON)
    if person is not None and not isinstance(person, str):
        person = (await store.vault.open([person["ref"]])).get(person["ref"])
    if shop and person and person != shop:
        names[inspection.applicant_party] = f"{shop}（负责人：{person}）"
    return names
