"""Group load: streams that are asked for while others are being read are read together, in one statement.

As with group commit, nobody waits for company: what is asked for first goes at once, and the rest gathers behind it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from uuid import UUID

from eventstore.connection import Reader, Row
from eventstore.errors import RecordUnavailableError

_LANES = 2  # statements at a time: one is answered while the other is worked at
_TOGETHER = 64

_COLUMNS = "e.originator_version, e.topic, e.state, e.hash"
# A snapshot's columns come with the event behind which it was taken, and so not at all when that is missing.
_LOAD = f"""
SELECT asked.place, {_COLUMNS}, e.snapshot_topic, e.snapshot_state, e.snapshot_hash, e.seal
FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked (id, shape, place)
CROSS JOIN LATERAL (
    SELECT {_COLUMNS}, s.topic AS snapshot_topic, s.state AS snapshot_state, s.hash AS snapshot_hash, s.seal
    FROM peiban_events e
    LEFT JOIN peiban_snapshots s
        ON s.originator_id = asked.id AND s.shape = asked.shape AND s.originator_version = e.originator_version
    WHERE e.originator_id = asked.id AND e.originator_version >= coalesce(
        (SELECT n.originator_version FROM peiban_snapshots n
         WHERE n.originator_id = asked.id AND n.shape = asked.shape), 0)
    ORDER BY e.originator_version
) e
ORDER BY asked.place, e.originator_version
"""  # noqa: S608 - constants
_LOAD_ALL = f"SELECT 1 AS place, {_COLUMNS} FROM peiban_events e WHERE originator_id = $1 ORDER BY originator_version"  # noqa: S608 - constants


@dataclass(eq=False)
class _Asked:
    id: UUID
    shape: str
    found: asyncio.Future[list[Row]]
    rows: list[Row] = field(default_factory=list)


class Loader:
    """Rows are place, originator_version, topic, state, hash and, where one was taken behind the event, a snapshot."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._queue: deque[_Asked] = deque()
        self._lanes: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        lanes = list(self._lanes)
        for lane in lanes:
            lane.cancel()
        await asyncio.gather(*lanes, return_exceptions=True)
        _fail(list(self._queue), RecordUnavailableError("[closing]"))

    async def read(self, id: UUID, shape: str) -> list[Row]:
        """A stream from its snapshot of this shape on, or from its beginning when it has none."""
        asked = _Asked(id, shape, asyncio.get_running_loop().create_future())
        self._queue.append(asked)
        if len(self._lanes) < _LANES:
            self._lanes.add(asyncio.create_task(self._run(), name="event store loader"))
        return await asked.found

    async def read_all(self, id: UUID) -> list[Row]:
        return await self._reader.fetch(_LOAD_ALL, id)

    async def _run(self) -> None:
        try:
            while self._queue:
                batch = [self._queue.popleft() for _ in range(min(len(self._queue), _TOGETHER))]
                try:
                    await self._read(batch)
                except Exception as error:
                    _fail(batch, error)
                finally:  # also when the store closes
                    _fail(batch, RecordUnavailableError("[closing]"))
        finally:  # in the same breath in which the queue was seen to be empty, or what comes next would wait for ever
            lane = asyncio.current_task()
            assert lane is not None
            self._lanes.discard(lane)

    async def _read(self, batch: list[_Asked]) -> None:
        rows = await self._reader.fetch(_LOAD, [one.id for one in batch], [one.shape for one in batch])
        for row in rows:
            batch[row[0] - 1].rows.append(row)
        for one in batch:
            if not one.found.done():  # whoever asked may have gone
                one.found.set_result(one.rows)


def _fail(batch: list[_Asked], error: Exception) -> None:
    for one in batch:
        if not one.found.done():
            one.found.set_exception(error)
