"""Aggregates out of their events, and the unit of work in which one command changes them."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from typing import Any, Self, TypeVar, cast
from uuid import UUID

from eventsourcing.persistence import StoredEvent

from eventstore.aggregate import Aggregate, Sealed
from eventstore.batch import ABSENT, Append, Entry, Guard
from eventstore.cache import AggregateCache, Loaded
from eventstore.chain import START, chain
from eventstore.errors import AggregateNotFoundError, CommandRefusedError
from eventstore.mapper import Mapper
from eventstore.snapshots import EVERY, Snapshots
from eventstore.vault import Vault

logger = logging.getLogger(__name__)

TAggregate = TypeVar("TAggregate", bound=Aggregate)

_MOST_WAITING = 100
_to_text = json.JSONEncoder(ensure_ascii=True, allow_nan=False).encode


class Repository:
    """Loads aggregates, and takes snapshots of long ones behind everybody's back."""

    def __init__(self, mapper: Mapper, snapshots: Snapshots) -> None:
        self._mapper = mapper
        self._snapshots = snapshots
        self._taking: dict[UUID, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)

    async def close(self) -> None:
        for task in list(self._taking.values()):
            task.cancel()
        await asyncio.gather(*self._taking.values(), return_exceptions=True)
        await self._snapshots.close()

    async def load(self, aggregate_class: type[Aggregate], originator_id: UUID) -> Loaded | None:
        """The aggregate, whatever its class; None when there is no such stream."""
        aggregate, rows = await self._snapshots.select(aggregate_class, originator_id)
        if not rows:
            return None
        behind = rows[1:] if aggregate else rows
        event = self._mapper.event
        for row in behind:
            aggregate = event(originator_id, row[1], row[2], row[3]).mutate(aggregate)
        loaded = Loaded(cast(Aggregate, aggregate), rows[-1][1], rows[-1][4], len(behind))
        self.note(loaded)
        return loaded

    def note(self, loaded: Loaded) -> None:
        """Has a snapshot taken when it is time."""
        if loaded.unsnapped >= EVERY:
            loaded.unsnapped = 0  # when it fails, it is time again after as many events
            id = loaded.aggregate.id
            if id not in self._taking and len(self._taking) < _MOST_WAITING:
                task = asyncio.create_task(self._take(type(loaded.aggregate), id), name=f"snapshot {id}")
                self._taking[id] = task
                task.add_done_callback(lambda _: self._taking.pop(id))

    async def _take(self, aggregate_class: type[Aggregate], id: UUID) -> None:
        """Of an aggregate of its own: nobody changes it meanwhile."""
        try:
            async with self._one_at_a_time:
                loaded = await self.load(aggregate_class, id)
                if loaded is not None:
                    await self._snapshots.take(loaded.aggregate, loaded.hash)
        except Exception:  # a cache: without it everything is as right as before, only slower
            logger.warning("no snapshot was taken", exc_info=True, extra={"stream": str(id)})

    def collect(self, aggregate: Aggregate, last_hash: bytes) -> tuple[list[StoredEvent], list[bytes]]:
        """The aggregate's pending events as they will be stored, and the hashes that continue its chain."""
        try:
            events = [self._mapper.to_stored_event(event) for event in aggregate.collect_events()]
        except ValueError as error:  # half a surrogate pair, or what would be read back as something else
            raise CommandRefusedError(f"[{type(error).__name__}]") from error
        return events, chain(last_hash, events)


class KeyedLocks:
    """One lock per key for as long as somebody holds or awaits it."""

    def __init__(self) -> None:
        self._locks: dict[UUID, _Lock] = {}

    async def acquire(self, key: UUID) -> None:
        lock = self._locks.get(key)
        if lock is None:
            lock = self._locks[key] = _Lock()
        lock.users += 1
        try:
            await lock.acquire()
        except BaseException:
            self._leave(key, lock)
            raise

    def release(self, key: UUID) -> None:
        lock = self._locks[key]
        lock.release()
        self._leave(key, lock)

    def _leave(self, key: UUID, lock: _Lock) -> None:
        lock.users -= 1
        if not lock.users:
            del self._locks[key]


class _Lock(asyncio.Lock):
    """users: who hold or await it."""

    users = 0


class UnitOfWork:
    """All that one command reads and writes. What it has got or added is written at once, or not at all.

    The first stream that it gets is locked within this process, so that commands on one aggregate queue up instead of
    failing each other. Further streams are not (two locks could wait for each other): their versions are checked, also
    where they are only read. An aggregate belongs to its unit of work: nobody keeps it, or anything inside it, longer.
    """

    def __init__(
        self,
        repository: Repository,
        vault: Vault,
        locks: KeyedLocks,
        cache: AggregateCache,
        *,
        fresh: bool,
    ) -> None:
        self._repository = repository
        self._vault = vault
        self._locks = locks
        self._cache = cache
        self._generation = cache.generation
        self._fresh = fresh
        self._locked: UUID | None = None
        self._holds = False
        self._aggregates: dict[UUID, Loaded] = {}
        self._missing: set[UUID] = set()
        self._entries: list[Entry] = []
        self.on_trust = False
        """Whether anything came out of the cache, and may be older than the record."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._locked is not None and self._holds:
            self._locks.release(self._locked)

    async def get(self, aggregate_class: type[TAggregate], originator_id: UUID) -> TAggregate:
        """The same object each time it is asked for. Raises AggregateNotFoundError."""
        if originator_id not in self._aggregates:
            if self._locked is None:
                self._locked = originator_id
                await self._locks.acquire(originator_id)
                self._holds = True
            loaded = await self._take_or_load(aggregate_class, originator_id)
            if loaded is None:
                self._missing.add(originator_id)
                raise AggregateNotFoundError
            self._aggregates.setdefault(originator_id, loaded)
        aggregate = self._aggregates[originator_id].aggregate
        if not isinstance(aggregate, aggregate_class):
            raise AggregateNotFoundError
        return aggregate

    async def _take_or_load(self, aggregate_class: type[Aggregate], id: UUID) -> Loaded | None:
        if not self._fresh and (kept := self._cache.take(id)):
            self.on_trust = True
            return kept
        return await self._repository.load(aggregate_class, id)

    def add(self, aggregate: Aggregate) -> None:
        """A new aggregate; if its id is taken, the command ends in VersionConflictError."""
        if aggregate.id in self._aggregates:
            raise ValueError(f"{aggregate.id} is in this unit of work already")
        self._aggregates[aggregate.id] = Loaded(aggregate, ABSENT, START, 0)

    async def seal(self, subject: UUID, scope: UUID, values: Mapping[str, str]) -> dict[str, Sealed]:
        """Puts personal values into the vault, if the command is accepted, and gives what its events may hold."""
        sealed, entries = await self._vault.seal(subject, scope, values)
        self._entries += entries
        return sealed

    def collect(self, command_id: UUID, answer: Mapping[str, Any]) -> Append:
        """What is to be written. The aggregates are now as they will be when that has happened."""
        events: list[StoredEvent] = []
        hashes: list[bytes] = []
        guards = [Guard(id, ABSENT) for id in self._missing - self._aggregates.keys()]
        for id, loaded in self._aggregates.items():
            fresh, continued = self._repository.collect(loaded.aggregate, loaded.hash)
            if fresh:
                events += fresh
                hashes += continued
                loaded.version, loaded.hash = fresh[-1].originator_version, continued[-1]
                loaded.unsnapped += len(fresh)
            else:
                guards.append(Guard(id, loaded.version))
        return Append(command_id, _to_text(answer), events, hashes, self._entries, guards)

    def keep(self) -> None:
        """After what was collected has been stored: the aggregates are good for the next command."""
        for loaded in self._aggregates.values():
            self._repository.note(loaded)
            self._cache.put(loaded, self._generation)
