"""Keeps the read models up to date: one task per projection, each at its own pace.

A page of events, its rows and the tracking of it are one transaction. A projection that fails on an event stops,
keeps its place and names the event; the others go on. It goes on by itself once it has been rebuilt.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

import asyncpg

from eventstore import EventStore, Recorded
from eventstore import Place as RecordPlace
from eventstore.errors import RecordUnavailableError
from projections.changes import Broadcast, Changes
from projections.tracking import SCHEMA, Place, Projection, begin_place, read_place, write_place

log = logging.getLogger(__name__)

_CONNECT_SECONDS = 5.0
_STATEMENT_SECONDS = 10.0  # a database that hangs is a database that is down
_PAUSE = 1.0  # seconds between attempts while the database is away, and between looks for a rebuild

# The database's trouble, not the event's: tried again for as long as it takes.
_PASSING = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,  # a standby that is not promoted yet
    asyncpg.TransactionRollbackError,
    RecordUnavailableError,
)


class _MovedBackError(Exception):
    """The tracking stands further back than this process thought: follow again from there."""


@dataclass(frozen=True)
class Failure:
    """The event on which a projection stopped. topic is empty when the record could not be read at that position."""

    position: int
    topic: str
    error: str


@dataclass(frozen=True)
class ProjectionStatus:
    """lag_seconds: age of the oldest event that is not told yet, by the service's clock."""

    name: str
    version: int
    state: Literal["running", "stopped"]
    position: int
    lag_events: int
    lag_seconds: float
    failure: Failure | None


async def open_pool(url: str, *, size: int = 8) -> Any:
    """Connections for the runner and for the queries of the read models: their search path leads to the live tables."""
    return await asyncpg.create_pool(
        url, min_size=1, max_size=size, timeout=_CONNECT_SECONDS, command_timeout=_STATEMENT_SECONDS,
        server_settings={"search_path": SCHEMA},
    )  # fmt: skip


class Runner:
    """An asynchronous context: the projections run inside it. `pool` comes from `open_pool`, as the service's role."""

    def __init__(
        self, store: EventStore, pool: Any, projections: Sequence[Projection], clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._clock = clock
        self._moved = asyncio.Condition()
        self._broadcast = Broadcast()
        self._followers = {p.name: _Follower(self, p, store, pool) for p in projections}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [
            asyncio.create_task(follower.run(), name=f"projection:{name}") for name, follower in self._followers.items()
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen(self, key: UUID | str) -> AbstractAsyncContextManager[Changes]:
        """Changes of what is shown of a case, inspection or complaint, told after the rows are committed."""
        return self._broadcast.listen(key)

    async def wait_for(
        self,
        position: int,
        names: Collection[str] | None = None,
        timeout: float = 5.0,  # noqa: ASYNC109 - running out is an answer here, not a cancellation
    ) -> bool:
        """Waits until the projections (all, or those named) have told this position, so that one reads one's writes.

        False when the time, in seconds, ran out or one of them has stopped short of it.
        """
        followers = [f for name, f in self._followers.items() if names is None or name in names]

        def settled() -> bool:
            return all(f.position >= position or f.failure for f in followers)

        try:
            async with asyncio.timeout(timeout), self._moved:
                await self._moved.wait_for(settled)
        except TimeoutError:
            return False
        return all(f.position >= position for f in followers)

    async def status(self) -> list[ProjectionStatus]:
        head = await self._store.head()
        return [await self._status(follower, head) for follower in self._followers.values()]

    async def _status(self, follower: _Follower, head: int) -> ProjectionStatus:
        lag = max(0, head - follower.position)
        waiting = await self._store.page(follower.position, 1) if lag else []
        age = (self._clock() - waiting[0].event.timestamp).total_seconds() if waiting else 0.0
        return ProjectionStatus(
            name=follower.projection.name,
            version=follower.projection.version,
            state="stopped" if follower.failure else "running",
            position=follower.position,
            lag_events=lag,
            lag_seconds=max(0.0, age),
            failure=follower.failure,
        )

    async def moved(self) -> None:
        async with self._moved:
            self._moved.notify_all()

    @property
    def broadcast(self) -> Broadcast:
        return self._broadcast


class _Follower:
    def __init__(self, runner: Runner, projection: Projection, store: EventStore, pool: Any) -> None:
        self._runner = runner
        self.projection = projection
        self._store = store
        self._pool = pool
        self._place = Place()
        self.failure: Failure | None = None

    @property
    def position(self) -> int:
        return self._place.position

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except _MovedBackError:
                log.warning("projection %s was set back; following again", self.projection.name)
            except Exception as error:
                if _is_passing(error):
                    log.warning("projection %s waits for the database: %s", self.projection.name, _name(error))
                    await asyncio.sleep(_PAUSE)
                else:
                    await self._stop(error)

    async def _follow(self) -> None:
        async with self._pool.acquire() as connection:
            await begin_place(connection, self.projection)
            self._place = await read_place(connection, self.projection)
        await self._runner.moved()
        async with self._store.follow(after=RecordPlace(self.position, self._place.hash)) as pages:
            async for page in pages:
                await self._take(page)

    async def _take(self, page: Sequence[Recorded]) -> None:
        try:
            await self._write(page)
        except Exception as error:
            if len(page) == 1 or isinstance(error, _MovedBackError) or _is_passing(error):
                raise
            # One event of the page is at fault: those before it are told, and it gets named.
            for recorded in page:
                await self._write([recorded])

    async def _write(self, page: Sequence[Recorded]) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            place = await read_place(connection, self.projection, lock=True)
            if place.position < self.position:
                raise _MovedBackError
            fresh = [recorded for recorded in page if recorded.position > place.position]
            touched = {}
            if fresh:
                try:
                    touched = dict(await self.projection.apply(connection, fresh))
                except Exception as error:
                    if len(fresh) == 1 and not _is_passing(error):
                        self.failure = Failure(fresh[0].position, fresh[0].topic, _name(error))
                    raise
                place = replace(place, position=fresh[-1].position, hash=fresh[-1].hash)
                await write_place(connection, self.projection, place)
        self._place, self.failure = place, None
        if len(fresh) == len(page):
            self._runner.broadcast.publish(touched)
        else:  # a rebuild or another process has told some of them
            self._runner.broadcast.publish_all(place.position)
        await self._runner.moved()

    async def _stop(self, error: Exception) -> None:
        """Keeps the place, says on which event it stopped, and waits until the projection has been rebuilt."""
        if self.failure is None:
            self.failure = Failure(self.position + 1, "", _name(error))
        log.error(
            "projection %s stopped at position %d (%s): %s",
            self.projection.name,
            self.failure.position,
            self.failure.topic or "?",
            self.failure.error,
        )
        await self._runner.moved()
        while not await self._was_rebuilt():  # noqa: ASYNC110 - another process rebuilds: nothing here to await
            await asyncio.sleep(_PAUSE)
        self.failure = None

    async def _was_rebuilt(self) -> bool:
        try:
            async with self._pool.acquire() as connection:
                place = await read_place(connection, self.projection)
        except _PASSING:
            return False
        return place.epoch != self._place.epoch


def _is_passing(error: Exception) -> bool:
    # asyncpg counts a value that does not fit its column as an interface error too.
    return isinstance(error, _PASSING) and not isinstance(error, ValueError)


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
