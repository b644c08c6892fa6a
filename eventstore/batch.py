"""Group commit: many commands in one transaction, each with its own result.

One writer, one batch in flight. While it is being committed the next commands gather, so batches grow with the load
and nobody waits for company. A command is sent again only because the database knows its id: what was stored before is
answered, not repeated.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from eventsourcing.persistence import StoredEvent, Tracking

from eventstore.chain import START
from eventstore.connection import LOST, STATEMENT_SECONDS, Connection, Row
from eventstore.errors import (
    BusyError,
    CommandRefusedError,
    EventStoreError,
    OutcomeUnknownError,
    RecordUnavailableError,
    VersionConflictError,
)

logger = logging.getLogger(__name__)

_APPEND = f"SELECT * FROM peiban_append({','.join(f'${n}' for n in range(1, 23))})"  # noqa: S608 - placeholders
_HASH = "SELECT hash FROM peiban_events WHERE originator_id = $1 AND originator_version = $2"
_RETRY_AFTER = 1.0


@dataclass(frozen=True)
class Entry:
    """A vault row."""

    ref: UUID
    key_id: UUID
    field: str
    algorithm: str
    nonce: bytes
    ciphertext: bytes


ABSENT = -1
"""Where a stream stands that does not exist: streams may begin at 0 or at 1."""


@dataclass(frozen=True)
class Guard:
    """A stream that a command has read and does not write: it must still stand at this version, or be ABSENT."""

    originator_id: UUID
    version: int


@dataclass(frozen=True)
class Append:
    """What one command writes, whole or not at all.

    hashes: they stand beside `events`; each stream's events are in order and without a gap.
    guards: what it was decided on; streams that it writes are guarded by their events already.
    tracking: the place of the follower that sent it. The command is refused unless that place moves forward.
    tracked_hash: the hash of the event at that place, when the place is in our own record.
    """

    command_id: UUID
    answer: str
    events: Sequence[StoredEvent] = ()
    hashes: Sequence[bytes] = ()
    entries: Sequence[Entry] = ()
    guards: Sequence[Guard] = ()
    tracking: Tracking | None = None
    tracked_hash: bytes | None = None

    def writes(self) -> set[UUID | str]:
        """What no other command of the same batch may read or write."""
        written = {event.originator_id for event in self.events}
        written.add(self.command_id)
        if self.tracking:
            written.add(self.tracking.application_name)
        return written

    def reads(self) -> set[UUID | str]:
        """What no other command of the same batch may write: all of a batch is judged by what stood before it."""
        return {guard.originator_id for guard in self.guards}


@dataclass(frozen=True)
class Written:
    """position: of the command's last event, 0 when it wrote none. answer: JSON. replayed: it was stored before."""

    position: int
    answer: str
    replayed: bool


@dataclass(eq=False)
class _Waiting:
    append: Append
    result: asyncio.Future[Written]
    sent: bool = False
    """Sent before on a connection that was lost: it may be stored already."""

    def __post_init__(self) -> None:
        self.writes = self.append.writes()
        self.reads = self.append.reads()

    def settle(self, outcome: Written | EventStoreError) -> None:
        if self.result.done():  # whoever asked has gone
            return
        if isinstance(outcome, EventStoreError):
            self.result.set_exception(outcome)
        else:
            self.result.set_result(outcome)


class _LostError(Exception):
    """The connection went away after the batch had been sent."""


class _UnconfirmedError(Exception):
    """The commit came back with a warning of class 01, as when waiting for a standby was cancelled."""


class BatchWriter:
    """max_queue bounds what waits, in commands; beyond it, BusyError.

    pauses: seconds before each attempt to learn what became of a batch whose connection was lost.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        *,
        max_batch: int = 500,
        max_queue: int = 5000,
        pauses: Sequence[float] = (0.05, 0.1, 0.3, 1.0, 3.0),
    ) -> None:
        self._pauses = pauses
        self._connect = connect
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._queue: deque[_Waiting] = deque()
        self._wake = asyncio.Event()
        self._connection: Connection | None = None
        self._warned = False
        self._closing = False
        self._loop = asyncio.get_running_loop()  # asked once: before Python 3.12 each time costs a system call
        self._task = self._loop.create_task(self._run(), name="event store writer")

    async def write(self, append: Append) -> Written:
        """Of the errors it raises, OutcomeUnknownError leaves it open; after any other, nothing was stored."""
        if self._closing:
            raise RecordUnavailableError("[closing]")
        if len(self._queue) >= self._max_queue:
            raise BusyError(_RETRY_AFTER)
        waiting = _Waiting(append, self._loop.create_future())
        self._queue.append(waiting)
        self._wake.set()
        return await waiting.result

    async def confirm(self, command_id: UUID) -> Written | None:
        """What is stored under this id, once it is as safe as if it were written now; None when nothing is.

        An answer that can be seen may stand on this server alone: whoever waited for its standby was cut off. Asking
        takes the head row, so it is a commit behind the first one, and waits for the standby to have both.
        """
        nowhere = StoredEvent(uuid4(), 2, "", b"")  # no stream begins at 2: refused, unless the id is known
        try:
            return await self.write(Append(command_id, "null", [nowhere], [START]))
        except VersionConflictError:
            return None

    async def close(self) -> None:
        """Writes what is queued, then lets the connection go."""
        self._closing = True
        self._wake.set()
        await self._task

    async def _run(self) -> None:
        try:
            while self._queue or not self._closing:
                if batch := self._next_batch():
                    await self._commit_or_tell(batch)
                else:
                    self._wake.clear()
                    await self._wake.wait()
        finally:
            for waiting in self._queue:
                waiting.settle(RecordUnavailableError("[closing]"))
            await self._drop_connection()

    def _next_batch(self) -> list[_Waiting]:
        """The oldest commands that do not touch each other; the others keep their order for the next batch."""
        batch: list[_Waiting] = []
        later: deque[_Waiting] = deque()
        written: set[UUID | str] = set()
        read: set[UUID | str] = set()
        while self._queue and len(batch) < self._max_batch:
            waiting = self._queue.popleft()
            if waiting.result.done():
                continue
            writes, reads = waiting.writes, waiting.reads
            alone = written.isdisjoint(writes) and read.isdisjoint(writes) and written.isdisjoint(reads)
            (batch if alone else later).append(waiting)
            written |= writes
            read |= reads
        self._queue.extendleft(reversed(later))
        return batch

    async def _commit_or_tell(self, batch: list[_Waiting]) -> None:
        try:
            await self._commit(batch)
        except Exception:  # one writer serves everybody: it outlives what nobody thought of, and nobody waits for ever
            logger.exception("a batch failed in a way that was not foreseen")
            await self._drop_connection()
            self._settle_all(batch, OutcomeUnknownError())

    async def _commit(self, batch: list[_Waiting]) -> None:
        for pause in (0.0, *self._pauses):
            if pause:
                await asyncio.sleep(pause)
            try:
                row = await self._send(batch)
            except _LostError:
                for waiting in batch:
                    waiting.sent = True
            except RecordUnavailableError as error:
                if not any(waiting.sent for waiting in batch):
                    return self._settle_all(batch, error)
            except _UnconfirmedError:
                return self._settle_all(batch, OutcomeUnknownError())
            except CommandRefusedError as error:
                return await self._isolate(batch, error)
            else:
                return await self._settle(batch, row)
        return self._settle_all(batch, OutcomeUnknownError())

    async def _isolate(self, batch: list[_Waiting], error: CommandRefusedError) -> None:
        """One command's content made the whole batch fail: write them one by one, so that only that one fails."""
        if len(batch) == 1:
            batch[0].settle(error)
            return
        for waiting in batch:
            await self._commit([waiting])

    async def _send(self, batch: list[_Waiting]) -> Row:
        """RecordUnavailableError and CommandRefusedError mean: nothing was written; our own two: who knows."""
        connection = await self._connected()
        self._warned = False
        try:
            rows = await connection.fetch(_APPEND, *_columns(batch), timeout=STATEMENT_SECONDS)
        except asyncpg.ReadOnlySQLTransactionError as error:  # a standby; the primary may be somewhere else by now
            await self._drop_connection()
            raise RecordUnavailableError(f"[{type(error).__name__}]") from error
        except LOST as error:
            if isinstance(error, asyncpg.InsufficientResourcesError) and not connection.is_closed():
                raise RecordUnavailableError(f"[{type(error).__name__}]") from error
            await self._drop_connection()
            raise _LostError from error
        except asyncpg.PostgresError as error:
            if connection.is_closed():
                raise _LostError from error
            if isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError):
                raise CommandRefusedError(f"[{type(error).__name__}]") from error
            logger.exception("the record refused a batch")
            raise RecordUnavailableError(f"[{type(error).__name__}]") from error
        except (ValueError, TypeError, OverflowError) as error:  # could not even be encoded
            raise CommandRefusedError(f"[{type(error).__name__}]") from error
        if self._warned:
            raise _UnconfirmedError
        return rows[0]

    async def _settle(self, batch: list[_Waiting], row: Row) -> None:
        """Whoever is in neither list was accepted; accepted events stand behind the head in the batch's order."""
        refused = set(row["refused"])
        replayed = {command: place for place, command in enumerate(row["replayed"])}
        position: int = row["head"]
        for command, waiting in enumerate(batch, 1):
            append = waiting.append
            if command in refused:
                waiting.settle(VersionConflictError())
            elif command in replayed:
                place = replayed[command]
                is_repeated = not await self._is_ours(waiting)
                waiting.settle(Written(row["positions"][place], row["answers"][place], is_repeated))
            else:
                position += len(append.events)
                waiting.settle(Written(position if append.events else 0, append.answer, replayed=False))

    async def _is_ours(self, waiting: _Waiting) -> bool:
        """Whether what is stored under the command's id is what we sent, rather than another process's run of it."""
        append = waiting.append
        if not waiting.sent or not append.events:
            return waiting.sent
        try:
            last = append.events[-1]
            rows = await (await self._connected()).fetch(_HASH, last.originator_id, last.originator_version)
        except (*LOST, RecordUnavailableError):
            return False
        return bool(rows) and rows[0]["hash"] == append.hashes[-1]

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            self._connection.add_log_listener(self._on_notice)
        return self._connection

    def _on_notice(self, _: Connection, message: Any) -> None:
        # asyncpg hands out notices before it wakes whoever waits for the statement they belong to.
        if str(message.sqlstate).startswith("01"):
            self._warned = True

    async def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*LOST):
                connection.terminate()

    @staticmethod
    def _settle_all(batch: list[_Waiting], error: EventStoreError) -> None:
        for waiting in batch:
            waiting.settle(error)


def _columns(batch: list[_Waiting]) -> list[list[Any]]:
    """The parallel arrays of peiban_append."""
    appends = [waiting.append for waiting in batch]
    events = [
        (place, event.originator_id, event.originator_version, event.topic, event.state, digest)
        for place, append in enumerate(appends, 1)
        for event, digest in zip(append.events, append.hashes, strict=True)
    ]
    guards = [
        (place, guard.originator_id, guard.version)
        for place, append in enumerate(appends, 1)
        for guard in append.guards
    ]
    trackings = [
        (place, append.tracking.application_name, append.tracking.notification_id, append.tracked_hash)
        for place, append in enumerate(appends, 1)
        if append.tracking
    ]
    entries = [
        (place, entry.ref, entry.key_id, entry.field, entry.algorithm, entry.nonce, entry.ciphertext)
        for place, append in enumerate(appends, 1)
        for entry in append.entries
    ]
    return [
        [append.command_id for append in appends],
        [append.answer for append in appends],
        *_turned(events, 6),
        *_turned(guards, 3),
        *_turned(trackings, 4),
        *_turned(entries, 7),
    ]


def _turned(rows: Sequence[tuple[Any, ...]], width: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]
