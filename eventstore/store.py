"""The event store's front door."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from eventstore import subscription
from eventstore.aggregate import Aggregate
from eventstore.batch import BatchWriter, Written
from eventstore.cache import AggregateCache
from eventstore.connection import Connection, Reader, connect
from eventstore.errors import (
    AggregateNotFoundError,
    BusyError,
    CommandRefusedError,
    MigrationError,
    OutcomeUnknownError,
    RecordUnavailableError,
    VersionConflictError,
)
from eventstore.mapper import Mapper
from eventstore.recorder import Place, Recorded, Recorder
from eventstore.repository import KeyedLocks, Repository, UnitOfWork
from eventstore.snapshots import Snapshots
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

    def __init__(
        self, reader: Reader, writer: BatchWriter, listener: Listener, keys: VaultKeys, *, cached_aggregates: int
    ) -> None:
        mapper = Mapper()
        self.vault = Vault(reader, keys)
        self._cache = AggregateCache(cached_aggregates)
        self._reader = reader
        self._writer = writer
        self._listener = listener
        self._recorder = Recorder(reader, mapper, writer)
        self._repository = Repository(mapper, Snapshots(reader, keys.index_key))
        listener.on_listening = self._cache.clear
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
        cached_aggregates: int = 2000,
    ) -> EventStore:
        """Connects as the service's role (at most `max_readers` + 2 connections).

        cached_aggregates: how many aggregates are kept between commands, so that they need not be loaded each time.
        Raises RecordUnavailableError, and MigrationError when the tables are not there yet.
        """

        async def another() -> Connection:
            return await connect(service_url)

        reader = await Reader.open(service_url, max_readers)
        if not await reader.fetch("SELECT WHERE to_regclass('peiban_head') IS NOT NULL"):
            await reader.close()
            raise MigrationError("[the database is empty: run `peiban migrate` first]")
        writer = BatchWriter(another, max_batch=max_batch, max_queue=max_queue)
        return cls(reader, writer, Listener(another), keys, cached_aggregates=cached_aggregates)

    async def close(self) -> None:
        """Queued commands are still written."""
        await self._writer.close()
        await self._listener.close()
        await self._repository.close()
        await self._reader.close()

    async def get(self, aggregate_class: type[TAggregate], originator_id: UUID) -> TAggregate:
        """The aggregate as it stands, to look at: an object of the caller's own. Raises AggregateNotFoundError."""
        loaded = await self._repository.load(aggregate_class, originator_id)
        if loaded is None or not isinstance(loaded.aggregate, aggregate_class):
            raise AggregateNotFoundError
        return loaded.aggregate

    async def execute(self, command_id: UUID, decide: Decide) -> Outcome:
        """Carries a command out once, however often it is sent with the same id.

        `decide` gets aggregates, lets them change and returns the answer (JSON, and kept for good: no personal data).
        It may run several times: on fresh state, when what it saw was not the newest or when it refused what it saw,
        and for a command that had been carried out before. What it does besides must bear that. It must not call
        `execute` itself. What it raises goes to the caller, and nothing is stored.
        """
        await self._commands.acquire(command_id)
        try:
            stored = await self._carry_out(command_id, decide)
        finally:
            self._commands.release(command_id)
        return Outcome(json.loads(stored.answer), stored.position, stored.replayed)

    async def _carry_out(self, command_id: UUID, decide: Decide) -> Written:
        """Whether the command is known already is only asked when it is refused: otherwise the append tells.

        A retried command may well be refused on what it did the first time, and is answered as it was then.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            async with UnitOfWork(self._repository, self.vault, self._streams, self._cache, fresh=attempt > 1) as work:
                try:
                    append = work.collect(command_id, await decide(work))
                except RecordUnavailableError:
                    raise
                except Exception:
                    if stored := await self._known(command_id):
                        return stored
                    if not work.on_trust:
                        raise
                    continue  # what was refused may only be old
                try:
                    stored = await self._writer.write(append)
                except (VersionConflictError, CommandRefusedError) as error:
                    # A hash that does not continue the record, because the record is another one, is refused too.
                    if attempt < _ATTEMPTS and (work.on_trust or isinstance(error, VersionConflictError)):
                        continue
                    raise
                if not stored.replayed:
                    work.keep()
                return stored
        raise AssertionError("unreachable")

    async def _known(self, command_id: UUID) -> Written | None:
        """What it was answered before. To be seen is not to be safe: its standby may never have confirmed it."""
        if await self._recorder.select_answer(command_id) is None:
            return None
        try:
            return await self._writer.confirm(command_id)
        except (BusyError, RecordUnavailableError) as error:  # they would say that nothing was stored
            raise OutcomeUnknownError from error

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
