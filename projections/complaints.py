"""Complaints: one row per complaint, for the desk that answers and calls back, and for the leader who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cases import complaint as events
from eventstore import Recorded
from projections.documents import Documents
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.rows import CallbackRow, ComplaintRow, ref_of, ref_or_none

COMPLAINTS = Documents("complaints_v1", ComplaintRow)

_SELECT = "SELECT document::text AS document FROM projections.complaints_v1"


class Complaints:
    name = "complaints"
    version = 1
    tables = ("complaints_v1",)

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if LABELS[recorded.topic].stream == "complaint"]
        if not relevant:
            return {}
        rows = await COMPLAINTS.load(connection, {recorded.originator_id for recorded in relevant})
        for recorded in relevant:
            if isinstance(recorded.event, events.ComplaintOpened):
                rows[recorded.originator_id] = _open(recorded, recorded.event)
            elif recorded.originator_id in rows:
                _tell(rows[recorded.originator_id], recorded)
            else:
                raise MissingRowError(self.name, recorded.originator_id)
        await COMPLAINTS.save(connection, rows)
        return {key: row.position for row in rows.values() for key in (row.id, row.case_id)}


def _open(recorded: Recorded, event: events.ComplaintOpened) -> ComplaintRow:
    return ComplaintRow(
        id=recorded.originator_id,
        case_id=UUID(event.case),
        evaluation=UUID(event.evaluation),
        opened=recorded.position,
        position=recorded.position,
        level=event.level,
        status="open",
        office=event.office,
        office_level=event.office_level,
        region=event.region,
        opened_at=event.timestamp,
        due=event.due,
        applicant=event.applicant,
    )


def _tell(row: ComplaintRow, recorded: Recorded) -> None:
    row.position = recorded.position
    match recorded.event:
        case events.ComplaintAnswered() as event:
            row.status, row.reply, row.replied_by = "answered", ref_of(event.reply), event.actor
        case events.CallbackRecorded() as event:
            row.callbacks.append(
                CallbackRow(
                    at=event.timestamp,
                    by=event.actor,
                    result=event.result,
                    attempt=event.attempt,
                    note=ref_or_none(event.note),
                )
            )
            if event.result in ("partly", "unsolved"):
                row.status = "open"
        case events.ComplaintEscalated() as event:
            row.status = "escalated"
            row.office, row.office_level, row.region = event.to_office, event.to_level, event.region
            row.due = event.due
        case events.ComplaintSolved() as event:
            row.status, row.closed_at = "solved", event.timestamp
        case events.ComplaintDecided() as event:
            row.status, row.closed_at = "decided", event.timestamp
            row.decision, row.told_by = ref_of(event.decision), event.told_by


async def find_complaint(pool: Any, id: UUID) -> ComplaintRow | None:
    row = await pool.fetchrow(f"{_SELECT} WHERE id = $1", id)
    return COMPLAINTS.read(row) if row else None


async def list_complaints(pool: Any, *, region: str = "", limit: int = 200) -> list[ComplaintRow]:
    """Those of the region and of what it contains: unfinished ones first, by the day they are due."""
    rows = await pool.fetch(
        f"{_SELECT} WHERE starts_with(region, $1) ORDER BY status IN ('solved', 'decided'), due, opened LIMIT $2",
        region,
        limit,
    )
    return [COMPLAINTS.read(row) for row in rows]
