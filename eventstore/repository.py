"""Aggregates out of their events, and the unit of work in which one command changes them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, TypeVar, cast
from uuid import UUID
from weakref import WeakValueDictionary

from eventsourcing.persistence import StoredEvent

from eventstore.aggregate import Aggregate, Sealed
from eventstore.batch import Append, Entry
from eventstore.chain import START, chain
from eventstore.errors import AggregateNotFoundError, CommandRefusedError
from eventstore.mapper import Mapper
from eventstore.recorder import Recorder
from eventstore.vault import Vault

TAggregate = TypeVar("TAggregate", bound=Aggregate)


class Repository:
    def __init__(self, recorder: Recorder, mapper: Mapper) -> None:
        self._recorder = recorder
        self._mapper = mapper

    async def load(self, aggregate_class: type[TAggregate], originator_id: UUID) -> tuple[TAggregate, bytes]:
        """The aggregate and its last event's hash. Raises AggregateNotFoundError, also when it is of another class."""
        records = await self._recorder.read_events(originator_id)
        aggregate: Aggregate | None = None
        for record in records:
            aggregate = cast(Aggregate, record.event.mutate(aggregate))
        if not isinstance(aggregate, aggregate_class):
            raise AggregateNotFoundError
        return aggregate, records[-1].hash

    def collect(self, aggregate: Aggregate, last_hash: bytes) -> tuple[list[StoredEvent], list[bytes]]:
        """The aggregate's pending events as they will be stored, and the hashes that continue its chain."""
        try:
            events = [self._mapper.to_stored_event(event) for event in aggregate.collect_events()]
        except UnicodeEncodeError as error:
            raise CommandRefusedError("[half a surrogate pair]") from error
        return events, chain(last_hash, events)


class KeyedLocks:
    """One lock per key for as long as somebody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[UUID, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, key: UUID) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            yield


class UnitOfWork:
    """All that one command reads and writes. What it has got or added is written at once, or not at all.

    The first stream that it gets is locked within this process, so that commands on one aggregate queue up instead of
    failing each other. Further streams are not (two locks could wait for each other): their versions are checked.
    """

    def __init__(self, repository: Repository, vault: Vault, locks: KeyedLocks, stack: AsyncExitStack) -> None:
        self._repository = repository
        self._vault = vault
        self._locks = locks
        self._stack = stack
        self._locked = False
        self._aggregates: dict[UUID, tuple[Aggregate, bytes]] = {}
        self._entries: list[Entry] = []

    async def get(self, aggregate_class: type[TAggregate], originator_id: UUID) -> TAggregate:
        """The same object each time it is asked for. Raises AggregateNotFoundError."""
        if originator_id not in self._aggregates:
            if not self._locked:
                self._locked = True
                await self._stack.enter_async_context(self._locks.hold(originator_id))
            loaded = await self._repository.load(aggregate_class, originator_id)
            self._aggregates.setdefault(originator_id, loaded)
        aggregate, _ = self._aggregates[originator_id]
        if not isinstance(aggregate, aggregate_class):
            raise AggregateNotFoundError
        return aggregate

    def add(self, aggregate: Aggregate) -> None:
        """A new aggregate; if its id is taken, the command ends in VersionConflictError."""
        if aggregate.id in self._aggregates:
            raise ValueError(f"{aggregate.id} is in this unit of work already")
        self._aggregates[aggregate.id] = (aggregate, START)

    async def seal(self, subject: UUID, scope: UUID, values: Mapping[str, str]) -> dict[str, Sealed]:
        """Puts personal values into the vault, if the command is accepted, and gives what its events may hold."""
        sealed, entries = await self._vault.seal(subject, scope, values)
        self._entries += entries
        return sealed

    def collect(self, command_id: UUID, answer: Mapping[str, Any]) -> Append:
        events: list[StoredEvent] = []
        hashes: list[bytes] = []
        for aggregate, last_hash in self._aggregates.values():
            fresh, continued = self._repository.collect(aggregate, last_hash)
            events += fresh
            hashes += continued
        text = json.dumps(answer, ensure_ascii=True, allow_nan=False)
        return Append(command_id, text, events, hashes, self._entries)
