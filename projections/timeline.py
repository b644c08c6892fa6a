"""Timeline: one row per event of a case and of all that belongs to it, for whoever oversees it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

import msgspec

from eventstore import Event, Recorded
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.progress import case_of
from projections.rows import TimelineRow

_STREAMS = frozenset({"case", "visit", "evaluation", "complaint", "inspection", "holds"})
_CONTEXT = frozenset({field.name for field in fields(Event)})

_INSERT = """
INSERT INTO timeline_v1 (position, case_id, stream, stream_id, version, topic, at, actor, principal, channel, office,
                         region, cause, hash, facts)
SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::uuid[], $5::bigint[], $6::text[], $7::timestamptz[],
                     $8::text[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[],
                     $15::jsonb[])
ON CONFLICT (position) DO NOTHING
"""

_SELECT = """
SELECT position, case_id, stream, stream_id, version, topic, at, actor, principal, channel, office, region, cause,
       encode(hash, 'hex') AS hash, facts::text AS facts
FROM projections.timeline_v1 WHERE case_id = $1 ORDER BY position
"""


class Timeline:
    name = "timeline"
    version = 1
    tables = ("timeline_v1",)

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if LABELS[recorded.topic].stream in _STREAMS]
        if not relevant:
            return {}
        cases = await self._find_cases(connection, relevant)
        entries = [_entry(recorded, cases) for recorded in relevant]
        await connection.execute(_INSERT, *map(list, zip(*entries, strict=True)))
        return {}  # nobody watches a timeline live

    async def _find_cases(self, connection: Any, page: Sequence[Recorded]) -> dict[UUID, UUID]:
        begun = {r.originator_id: case_id for r in page if (case_id := case_of(r.event)) is not None}
        known = await connection.fetch(
            "SELECT DISTINCT ON (stream_id) stream_id, case_id FROM timeline_v1 WHERE stream_id = ANY($1::uuid[])"
            " ORDER BY stream_id, version",
            list({r.originator_id for r in page} - begun.keys()),
        )
        return {row["stream_id"]: row["case_id"] for row in known} | begun


def _entry(recorded: Recorded, cases: Mapping[UUID, UUID]) -> tuple[object, ...]:
    if recorded.originator_id not in cases:
        raise MissingRowError("timeline", recorded.originator_id)
    event = recorded.event
    return (
        recorded.position,
        cases[recorded.originator_id],
        LABELS[recorded.topic].stream,
        recorded.originator_id,
        recorded.originator_version,
        recorded.topic,
        event.timestamp,
        event.actor,
        event.principal,
        event.channel,
        event.office,
        event.region,
        event.cause,
        recorded.hash,
        msgspec.json.encode(facts(event), order="deterministic").decode(),
    )


def facts(event: Event) -> dict[str, Any]:
    """What the event says beyond its context; personal values are references, as in the record."""
    return {name: value for name, value in vars(event).items() if name not in _CONTEXT and not name.startswith("_")}


async def timeline_of(pool: Any, case_id: UUID) -> list[TimelineRow]:
    """Every event of the case, in the order of the record."""
    return [
        TimelineRow(**{**row, "facts": msgspec.json.decode(row["facts"])}) for row in await pool.fetch(_SELECT, case_id)
    ]
