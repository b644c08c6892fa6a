"""Agenda: one row per inspection, for the agenda of a day, the inspection's own page, the room and the case page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from eventstore import Recorded
from inspection.events import InspectionPlanned
from projections.agenda_rules import plan, tell
from projections.documents import Documents
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.rows import InspectionRow

INSPECTIONS = Documents("agenda_v1", InspectionRow)

# These come every few seconds during an inspection and change nothing that a page waits for.
_QUIET = frozenset({"recording-head"})

_SELECT = "SELECT document::text AS document FROM projections.agenda_v1"


class Agenda:
    name = "agenda"
    version = 1
    tables = ("agenda_v1",)

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if LABELS[recorded.topic].stream == "inspection"]
        if not relevant:
            return {}
        rows = await INSPECTIONS.load(connection, {recorded.originator_id for recorded in relevant})
        touched: dict[UUID, int] = {}
        for recorded in relevant:
            if isinstance(recorded.event, InspectionPlanned):
                rows[recorded.originator_id] = plan(recorded, recorded.event)
            elif recorded.originator_id in rows:
                tell(rows[recorded.originator_id], recorded)
            else:
                raise MissingRowError(self.name, recorded.originator_id)
            if recorded.topic not in _QUIET:
                row = rows[recorded.originator_id]
                touched[row.id] = touched[row.case_id] = recorded.position
        await INSPECTIONS.save(connection, rows)
        return touched


async def find_inspection(pool: Any, id: UUID) -> InspectionRow | None:
    row = await pool.fetchrow(f"{_SELECT} WHERE id = $1", id)
    return INSPECTIONS.read(row) if row else None


async def inspections_of_case(pool: Any, case_id: UUID) -> list[InspectionRow]:
    """In the order in which they were planned."""
    rows = [INSPECTIONS.read(row) for row in await pool.fetch(f"{_SELECT} WHERE case_id = $1", case_id)]
    return sorted(rows, key=lambda row: row.opened)


async def list_inspections(
    pool: Any, *, day: str = "", inspector: str = "", office: str = "", region: str = ""
) -> list[InspectionRow]:
    """By time, those without a slot last; first those whose slot was withdrawn, so that they keep their turn.

    Empty conditions do not restrict; without a day only unfinished ones come.

    day: ISO date in Shanghai; inspector: `staff:<uuid>`; region: code of the region that contains them.
    """
    rows = await pool.fetch(
        f"{_SELECT} WHERE CASE WHEN $1 = '' THEN status <> 'sealed' ELSE day = $1 END"
        " AND ($2 = '' OR inspectors ? $2) AND ($3 = '' OR office = $3) AND starts_with(region, $4)",
        day,
        inspector,
        office,
        region,
    )
    return sorted(map(INSPECTIONS.read, rows), key=_time)


def _time(row: InspectionRow) -> tuple[bool, float, int]:
    return (
        row.starts_at is None and not row.slot_withdrawn,
        row.starts_at.timestamp() if row.starts_at else 0.0,
        row.opened,
    )
