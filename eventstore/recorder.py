"""Reads the record, under the package's verbs: select_events, select_notifications, max_notification_id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from eventstore.aggregate import Event
from eventstore.batch import BatchWriter, Written
from eventstore.connection import Reader, Row
from eventstore.mapper import Mapper

_COLUMNS = "notification_id, originator_id, originator_version, topic, state, hash"
_EVENTS = f"SELECT {_COLUMNS} FROM peiban_events WHERE originator_id = $1 ORDER BY originator_version"  # noqa: S608 - constants
_NOTIFICATIONS = f"SELECT {_COLUMNS} FROM peiban_events WHERE notification_id > $1 ORDER BY notification_id LIMIT $2"  # noqa: S608 - constants
_HEAD = "SELECT notification_id FROM peiban_head WHERE log = 0"
_ANSWER = "SELECT notification_id, answer::text AS answer FROM peiban_commands WHERE command_id = $1"


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event where it stands in the record. position: its gapless number over all streams, from 1."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    event: Event
    hash: bytes


class Recorder:
    def __init__(self, reader: Reader, mapper: Mapper, writer: BatchWriter) -> None:
        self._reader = reader
        self._mapper = mapper
        self._writer = writer

    async def read_events(self, originator_id: UUID) -> list[Recorded]:
        return [self._recorded(row) for row in await self._reader.fetch(_EVENTS, originator_id)]

    async def read_page(self, after: int, limit: int) -> list[Recorded]:
        return [self._recorded(row) for row in await self._reader.fetch(_NOTIFICATIONS, after, limit)]

    async def max_notification_id(self) -> int | None:
        row = await self._reader.fetch_row(_HEAD)
        assert row is not None
        return row["notification_id"] or None

    async def select_answer(self, command_id: UUID) -> Written | None:
        row = await self._reader.fetch_row(_ANSWER, command_id)
        return Written(row["notification_id"], row["answer"], replayed=True) if row else None

    def _recorded(self, row: Row) -> Recorded:
        # asyncpg's own uuid type compares equal to UUID but is another class, which JSON encoders do not know.
        originator_id = UUID(bytes=row["originator_id"].bytes)
        stored = StoredEvent(originator_id, row["originator_version"], row["topic"], row["state"])
        event = cast(Event, self._mapper.to_domain_event(stored))
        return Recorded(
            row["notification_id"], originator_id, stored.originator_version, stored.topic, event, row["hash"]
        )
