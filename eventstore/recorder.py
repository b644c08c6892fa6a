"""Reads and writes the record under the package's verbs, awaited; and reads it as what a follower gets (`Recorded`)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID, uuid4

from eventsourcing.persistence import (
    MapperDeserialisationError,
    Notification,
    StoredEvent,
    Tracking,
    WaitInterruptedError,
)

from eventstore.aggregate import Event
from eventstore.batch import Append, BatchWriter, Written
from eventstore.chain import START, event_hash
from eventstore.connection import Reader, Row
from eventstore.errors import RecordChangedError, RecordUnavailableError, UnknownEventError, VersionConflictError
from eventstore.mapper import Mapper

_COLUMNS = "notification_id, originator_id, originator_version, topic, state, hash"
_EVENTS = f"""
SELECT {_COLUMNS} FROM peiban_events
WHERE originator_id = $1 AND originator_version > $2 AND originator_version <= $3
ORDER BY originator_version"""  # noqa: S608 - constants
_LATEST_EVENTS = f"{_EVENTS} DESC LIMIT $4"
_EARLIEST_EVENTS = f"{_EVENTS} LIMIT $4"
_NOTIFICATIONS = f"""
SELECT {_COLUMNS} FROM peiban_events
WHERE notification_id > $1 AND notification_id <= $2 AND (cardinality($3::text[]) = 0 OR topic = ANY ($3))
ORDER BY notification_id LIMIT $4"""  # noqa: S608 - constants
_LAST = """
SELECT s.originator_id, e.originator_version, e.hash
FROM unnest($1::uuid[]) AS s (originator_id)
CROSS JOIN LATERAL (
    SELECT originator_version, hash FROM peiban_events p
    WHERE p.originator_id = s.originator_id ORDER BY p.originator_version DESC LIMIT 1
) e"""
_ONWARDS = f"SELECT {_COLUMNS} FROM peiban_events WHERE notification_id >= $1 ORDER BY notification_id LIMIT $2"  # noqa: S608 - constants
_NEWEST = "SELECT notification_id, hash FROM peiban_events ORDER BY notification_id DESC LIMIT 1"
_STANDBY = "SELECT pg_is_in_recovery() AS answer"
_HEAD = "SELECT notification_id FROM peiban_head WHERE log = 0"
_PLACE = "SELECT notification_id FROM peiban_tracking WHERE name = $1"
_ANSWER = "SELECT notification_id, answer::text AS answer FROM peiban_commands WHERE command_id = $1"

_BEFORE_ALL = -1
_BEYOND_ALL = 2**63 - 1
_NO_TOPICS: list[str] = []
_SHORTEST_PAUSE = 0.005
_LONGEST_PAUSE = 0.2


@dataclass(frozen=True, slots=True)
class Place:
    """How far a follower has come; `Place()` is the beginning, before the first event.

    hash: of the event at `position`, by which the follower knows its record again. Empty when nobody noted it: then
    the place is taken on trust.
    """

    position: int = 0
    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event where it stands in the record. position: its gapless number over all streams, from 1."""

    position: int
    originator_id: UUID
    originator_version: int
    topic: str
    event: Event
    hash: bytes

    @property
    def place(self) -> Place:
        return Place(self.position, self.hash)


class Recorder:
    """The package's recorder verbs; what they raise is the package's too (a version conflict is an IntegrityError)."""

    def __init__(self, reader: Reader, mapper: Mapper, writer: BatchWriter) -> None:
        self._reader = reader
        self._mapper = mapper
        self._writer = writer

    async def insert_events(
        self, stored_events: Sequence[StoredEvent], *, tracking: Tracking | None = None
    ) -> list[int]:
        """Positions of the events, which may belong to several streams; all are written, and the tracking, or none.

        Raises IntegrityError when a version is taken or would leave a hole, or when the tracking does not move forward.
        """
        if not stored_events and tracking is None:
            return []
        hashes = await self._continue_chains(stored_events)
        written = await self._writer.write(Append(uuid4(), "null", stored_events, hashes, tracking=tracking))
        return list(range(written.position - len(stored_events) + 1, written.position + 1)) if stored_events else []

    async def select_events(
        self,
        originator_id: UUID,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        rows = await self._reader.fetch(
            _LATEST_EVENTS if desc else _EARLIEST_EVENTS,
            originator_id,
            _BEFORE_ALL if gt is None else gt,
            _BEYOND_ALL if lte is None else lte,
            limit,
        )
        return [_stored(row) for row in rows]

    async def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        after = _BEFORE_ALL if start is None else start - inclusive_of_start
        upto = _BEYOND_ALL if stop is None else stop
        rows = await self._reader.fetch(_NOTIFICATIONS, after, upto, list(topics), limit)
        return [
            Notification(
                originator_id=_uuid(row["originator_id"]),
                originator_version=row["originator_version"],
                topic=row["topic"],
                state=row["state"],
                id=row["notification_id"],
            )
            for row in rows
        ]

    async def read_on(self, after: Place, limit: int) -> list[Recorded]:
        """Up to `limit` events behind a place, in the same statement that sees whether the place is what it was.

        Raises RecordChangedError. Ends before an event that this program cannot read, and raises what is wrong with it
        when it is the first.
        """
        rows = await self._reader.fetch(_ONWARDS, after.position, limit + bool(after.position))
        if after.position:
            if not rows or not _is_at(rows[0], after):
                await self._require_changed(after.position)
            del rows[0]
        page: list[Recorded] = []
        for position, row in enumerate(rows, after.position + 1):
            if row["notification_id"] != position:
                await self._require_changed(position)
            try:
                page.append(self._recorded(row))
            except (UnknownEventError, MapperDeserialisationError):
                if page:
                    break
                raise
        return page

    async def _require_changed(self, position: int) -> NoReturn:
        """Not every difference is a changed record: a standby may only be late."""
        (row,) = await self._reader.fetch(_STANDBY)
        raise RecordUnavailableError("[a standby]") if row["answer"] else RecordChangedError(f"[{position}]")

    async def last_place(self) -> Place:
        row = await self._reader.fetch_row(_NEWEST)
        return Place(row["notification_id"], row["hash"]) if row else Place()

    async def max_notification_id(self) -> int | None:
        row = await self._reader.fetch_row(_HEAD)
        assert row is not None
        return row["notification_id"] or None

    async def insert_tracking(self, tracking: Tracking) -> None:
        """Raises IntegrityError when it does not move forward."""
        await self.insert_events([], tracking=tracking)

    async def max_tracking_id(self, application_name: str) -> int | None:
        row = await self._reader.fetch_row(_PLACE, application_name)
        return int(row["notification_id"]) if row else None

    async def has_tracking_id(self, application_name: str, notification_id: int | None) -> bool:
        if notification_id is None:
            return True
        place = await self.max_tracking_id(application_name)
        return place is not None and place >= notification_id

    async def wait(
        self,
        application_name: str,
        notification_id: int | None,
        timeout: float = 1.0,  # noqa: ASYNC109 - the package's signature
        interrupt: asyncio.Event | None = None,
    ) -> None:
        """Returns when the named follower has come so far; looks ever less often.

        Raises TimeoutError after so many seconds, WaitInterruptedError when `interrupt` is set before.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + timeout
        interrupt = interrupt or asyncio.Event()
        pause = _SHORTEST_PAUSE
        while not await self.has_tracking_id(application_name, notification_id):
            remaining = deadline - clock()
            if remaining <= 0:
                raise TimeoutError(f"{application_name} has not come to {notification_id} in {timeout} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(min(pause, remaining)):
                    await interrupt.wait()
            if interrupt.is_set():
                raise WaitInterruptedError
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def read_events(self, originator_id: UUID) -> list[Recorded]:
        """One stream from its beginning."""
        rows = await self._reader.fetch(_EARLIEST_EVENTS, originator_id, _BEFORE_ALL, _BEYOND_ALL, None)
        return [self._recorded(row) for row in rows]

    async def read_page(self, after: int, limit: int) -> list[Recorded]:
        """Up to `limit` events behind the position `after`."""
        rows = await self._reader.fetch(_NOTIFICATIONS, after, _BEYOND_ALL, _NO_TOPICS, limit)
        return [self._recorded(row) for row in rows]

    async def select_answer(self, command_id: UUID) -> Written | None:
        row = await self._reader.fetch_row(_ANSWER, command_id)
        return Written(row["notification_id"], row["answer"], replayed=True) if row else None

    async def _continue_chains(self, events: Sequence[StoredEvent]) -> list[bytes]:
        """The events' hashes. Raises VersionConflictError where an event does not follow the one before it."""
        streams = list({event.originator_id for event in events})
        rows = await self._reader.fetch(_LAST, streams) if streams else []
        last = {row["originator_id"]: (row["originator_version"], row["hash"]) for row in rows}
        hashes = []
        for event in events:
            assert isinstance(event.originator_id, UUID)
            version, previous = last.get(event.originator_id, (None, START))
            if event.originator_version not in ((0, 1) if version is None else (version + 1,)):
                raise VersionConflictError
            digest = event_hash(previous, event.originator_id, event.originator_version, event.topic, event.state)
            last[event.originator_id] = (event.originator_version, digest)
            hashes.append(digest)
        return hashes

    def _recorded(self, row: Row) -> Recorded:
        position, originator_id, version, topic, state, digest = row
        originator_id = _uuid(originator_id)
        event = self._mapper.event(originator_id, version, topic, state)
        return Recorded(position, originator_id, version, topic, event, digest)


def _stored(row: Row) -> StoredEvent:
    return StoredEvent(_uuid(row["originator_id"]), row["originator_version"], row["topic"], row["state"])


def _uuid(given: UUID) -> UUID:
    """asyncpg's own uuid type compares equal to UUID but is another class, which JSON encoders do not know."""
    return UUID(int=given.int)


def _is_at(row: Row, place: Place) -> bool:
    return row["notification_id"] == place.position and place.hash in (b"", row["hash"])
