"""The event store's front door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from eventstore import subscription
from eventstore.aggregate import Aggregate
from eventstore.batch import BatchWriter, Written
from eventstore.connection import Connection, Reader, connect
from eventstore.errors import MigrationError, VersionConflictError
from eventstore.mapper import Mapper
from eventstore.recorder import Place, Recorded, Recorder
from eventstore.repository import KeyedLocks, Repository, UnitOfWork
from eventstore.subscription import Listener
from eventstore.vault import Vault, VaultKeys

TAggregate = TypeVar("TAggregate", bound=Aggregate)
Decide = Callable[[UnitOfWork], Awaitable[dict[str, Any]]]

_ATTEMPTS = 4


@dataclass(frozen=True)
class Outcome:
    """answer: what the command's first run answered. position: of its last event, 0 when it wrote none.

    replayed: the command had been carried out before; this time nothing happened.
    """

    answer: dict[str, Any]
    position: int
    replayed: bool


class EventStore:
    """Made by `open`, given back by `close`; everything in between runs on one event loop."""

    def __init__(self, reader: Reader, writer: BatchWriter, listener: Listener, keys: VaultKeys) -> None:
        mapper = Mapper()
        self.vault = Vault(reader, keys)
        self._reader = reader
        self._writer = writer
        self._listener = listener
        self._recorder = Recorder(reader, mapper, writer)
        self._repository = Repository(self._recorder, mapper)
        self._streams = KeyedLocks()
        self._commands = KeyedLocks()

    @classmethod
    async def open(
        cls,
        service_url: str,
        *,
        keys: VaultKeys,
        max_readers: int = 10,
        max_batch: int = 500,
        max_queue: int = 5000,
    ) -> EventStore:
        """Connects as the service's role (at most `max_readers` + 2 connections).

        Raises RecordUnavailableError, and MigrationError when the tables are not there yet.
        """

        async def another() -> Connection:
            return await connect(service_url)

        reader = await Reader.open(service_url, max_readers)
        if not await reader.fetch("SELECT WHERE to_regclass('peiban_head') IS NOT NULL"):
            await reader.close()
            raise MigrationError("[the database is empty: run `peiban migrate` first]")
        return cls(reader, BatchWriter(another, max_batch=max_batch, max_queue=max_queue), Listener(another), keys)

    async def close(self) -> None:
        """Queued commands are still written."""
        await self._writer.close()
        await self._listener.close()
        await self._reader.close()

    async def get(self, aggregate_class: type[TAggregate], originator_id: UUID) -> TAggregate:
        """The aggregate as it stands, to look at. Raises AggregateNotFoundError."""
        aggregate, _ = await self._repository.load(aggregate_class, originator_id)
        return aggregate

    async def execute(self, command_id: UUID, decide: Decide) -> Outcome:
        """Carries a command out once, however often it is sent with the same id.

        `decide` gets aggregates, lets them change and returns the answer (JSON, and kept for good: no personal data).
        It may run several times, each time on fresh state, when other processes were quicker; what it does besides
        must bear that. It must not call `execute` itself. What it raises goes to the caller, and nothing is stored.
        """
        async with self._commands.hold(command_id):
            stored = await self._recorder.select_answer(command_id)
            if stored is not None:  # to be seen is not to be safe: its standby may never have confirmed it
                stored = await self._writer.confirm(command_id)
            if stored is None:
                stored = await self._carry_out(command_id, decide)
        return Outcome(json.loads(stored.answer), stored.position, stored.replayed)

    async def _carry_out(self, command_id: UUID, decide: Decide) -> Written:
        for attempt in range(1, _ATTEMPTS + 1):
            async with AsyncExitStack() as stack:
                work = UnitOfWork(self._repository, self.vault, self._streams, stack)
                answer = await decide(work)
                try:
                    return await self._writer.write(work.collect(command_id, answer))
                except VersionConflictError:
                    if attempt == _ATTEMPTS:
                        raise
        raise AssertionError("unreachable")

    def follow(self, after: Place) -> AbstractAsyncContextManager[AsyncIterator[list[Recorded]]]:
        """Pages of events behind a place, gapless and in order; never ends by itself.

        The next page may be read while one is being dealt with. A database that is away is waited for. Raises
        UnknownEventError where this version cannot read on, and RecordChangedError when the event at the place is not
        what it was: positions were lost, in a failover for one, and perhaps used again.
        """
        return subscription.follow(self._recorder, self._listener, after)

    async def events(self, originator_id: UUID) -> list[Recorded]:
        """One stream, from its beginning; empty when there is none."""
        return await self._recorder.read_events(originator_id)

    async def page(self, after: int, limit: int) -> list[Recorded]:
        """Up to `limit` events behind position `after`."""
        return await self._recorder.read_page(after, limit)

    async def place(self) -> Place:
        """That of the newest event, to follow from here on."""
        return await self._recorder.last_place()

    async def head(self) -> int:
        """The position of the newest event; 0 when there is none."""
        return await self._recorder.max_notification_id() or 0
