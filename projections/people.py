"""People: members of staff and offices, for names, posts and lists of colleagues on pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from cases.catalogue import Bilingual
from cases.organisation import DeputyNamed, DutySet, OfficeEstablished, StaffAppointed, staff_ref
from eventstore import Recorded
from projections.documents import Documents
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.rows import Ref, Row, ref_of


class StaffRow(Row, kw_only=True):
    id: UUID
    office: str
    region: str
    name: Ref
    post: Bilingual
    roles: list[str]
    certificate: str
    on_duty: bool = True
    deputy: str = ""


class OfficeRow(Row, kw_only=True):
    """parent: code of the office above, empty at the top."""

    id: UUID
    code: str
    name: Bilingual
    region: str
    level: str
    parent: str


STAFF = Documents("people_v1", StaffRow)
OFFICES = Documents("people_office_v1", OfficeRow)

_SELECT = "SELECT document::text AS document FROM projections.people_v1"


class People:
    name = "people"
    version = 1
    tables = ("people_v1", "people_office_v1")

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if LABELS[recorded.topic].stream in ("office", "staff")]
        if not relevant:
            return {}
        offices: dict[UUID, OfficeRow] = {}
        staff = await STAFF.load(connection, {r.originator_id for r in relevant})
        for recorded in relevant:
            match recorded.event:
                case OfficeEstablished() as event:
                    offices[recorded.originator_id] = _office(recorded.originator_id, event)
                case StaffAppointed() as event:
                    staff[recorded.originator_id] = _member(recorded.originator_id, event)
                case DutySet() | DeputyNamed() as event:
                    if recorded.originator_id not in staff:
                        raise MissingRowError(self.name, recorded.originator_id)
                    _amend(staff[recorded.originator_id], event)
        await OFFICES.save(connection, offices)
        await STAFF.save(connection, staff)
        return {}


def _office(id: UUID, event: OfficeEstablished) -> OfficeRow:
    return OfficeRow(
        id=id,
        code=event.code,
        name=Bilingual(event.name["zh"], event.name["en"]),
        region=event.region,
        level=event.level,
        parent=event.parent,
    )


def _member(id: UUID, event: StaffAppointed) -> StaffRow:
    return StaffRow(
        id=id,
        office=event.office_code,
        region=event.region,
        name=ref_of(event.name),
        post=Bilingual(event.post["zh"], event.post["en"]),
        roles=list(event.roles),
        certificate=event.certificate,
    )


def _amend(row: StaffRow, event: DutySet | DeputyNamed) -> None:
    match event:
        case DutySet():
            row.on_duty = event.on_duty
        case DeputyNamed():
            row.deputy = staff_ref(UUID(event.deputy))


async def find_staff(pool: Any, parties: Iterable[str]) -> dict[str, StaffRow]:
    """By party (`staff:<uuid>`); other parties are passed over, so that one may ask for all that a page names."""
    ids = {UUID(party.removeprefix("staff:")) for party in parties if party.startswith("staff:")}
    rows = await pool.fetch(f"{_SELECT} WHERE id = ANY($1::uuid[])", list(ids)) if ids else []
    return {staff_ref(row.id): row for row in map(STAFF.read, rows)}


async def colleagues(pool: Any, office: str, role: str) -> list[StaffRow]:
    """Who holds this role in this office, those on duty first."""
    rows = await pool.fetch(
        f"{_SELECT} WHERE office = $1 AND roles ? $2 ORDER BY on_duty DESC, id",
        office,
        role,
    )
    return [STAFF.read(row) for row in rows]


async def offices(pool: Any) -> dict[str, OfficeRow]:
    """All offices, by code."""
    rows = await pool.fetch("SELECT document::text AS document FROM projections.people_office_v1 ORDER BY code")
    return {office.code: office for office in map(OFFICES.read, rows)}
