"""The names of who takes part, opened from the vault: for the room and for the sheet."""

from __future__ import annotations

from uuid import UUID

from cases.case import Case
from cases.organisation import Staff
from eventstore import EventStore
from inspection.inspection import Inspection

NAME = "name"
"""The form field with the applicant's name."""


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
