"""What is measured of ours: the same operations as of the peers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from eventsourcing.persistence import StoredEvent

from benchmarks.eventstore.load import STREAM_LENGTH, Load, tasks
from benchmarks.eventstore.server import Database
from benchmarks.matters import Matter, Matters, StepRecorded
from eventstore import EventStore, UnitOfWork, VaultKeys
from eventstore.batch import Append, BatchWriter
from eventstore.chain import START, chain
from eventstore.connection import connect
from projections import Runner, open_pool, rebuild

KEYS = VaultKeys("benchmark", bytes(32), bytes(32))
_DEPTH = 20
_COMMANDS = 10


async def append(database: Database, state: bytes, writers: int, seconds: float) -> Load:
    """One event per command, each with its idempotency key, its answer and its place in the hash chain."""
    batch = BatchWriter(lambda: connect(database.service_url))

    def writer() -> Callable[[], Awaitable[object]]:
        stream, version, last = uuid4(), 0, START

        async def write() -> None:
            nonlocal stream, version, last
            version += 1
            events = [StoredEvent(stream, version, StepRecorded.TOPIC, state)]
            hashes = chain(last, events)
            await batch.write(Append(uuid4(), '{"done": true}', events, hashes))
            last = hashes[-1]
            if version == STREAM_LENGTH:
                stream, version, last = uuid4(), 0, START

        return write

    try:
        return await tasks([writer() for _ in range(writers)], seconds)
    finally:
        await batch.close()


async def commands(database: Database, writers: int, seconds: float, *, cached: bool) -> Load:
    """Load an aggregate that is twenty events deep, let it decide, append durably."""
    store = await EventStore.open(database.service_url, keys=KEYS, cached_aggregates=10_000 if cached else 0)

    async def prepare() -> UUID:
        id = uuid4()

        async def decide(work: UnitOfWork) -> dict[str, Any]:
            matter = Matter.open(id)
            for _ in range(_DEPTH - 1):
                matter.record()
            work.add(matter)
            return {}

        await store.execute(uuid4(), decide)
        return id

    def writer() -> Callable[[], Awaitable[object]]:
        stream, done = uuid4(), _COMMANDS

        async def decide(work: UnitOfWork) -> dict[str, Any]:
            matter = await work.get(Matter, stream)
            matter.record()
            return {"steps": len(matter.steps)}

        async def command() -> None:
            nonlocal stream, done
            if done == _COMMANDS:
                stream, done = await prepare(), 0
            await store.execute(uuid4(), decide)
            done += 1

        return command

    try:
        return await tasks([writer() for _ in range(writers)], seconds)
    finally:
        await store.close()


async def projection(database: Database, events: int) -> float:
    """Events per second that our runner tells, of a backlog of so many, page by page as it does live."""
    store = await EventStore.open(database.service_url, keys=KEYS)
    pool = await open_pool(database.service_url, size=2)
    begin = time.perf_counter()
    async with Runner(store, pool, [Matters()], lambda: datetime.now(UTC)) as runner:
        assert await runner.wait_for(events, timeout=300), await runner.status()
        seconds = time.perf_counter() - begin
    await pool.close()
    await store.close()
    return events / seconds


async def rebuilding(database: Database) -> float:
    """Events per second of a rebuild beside the live tables."""
    store = await EventStore.open(database.service_url, keys=KEYS)
    begin = time.perf_counter()
    events = await rebuild(store, database.owner_url, Matters(), lambda done, total: None)
    seconds = time.perf_counter() - begin
    await store.close()
    return events / seconds


async def following(database: Database, seconds: float, per_second: int = 500) -> list[float]:
    """Seconds from the sending of a command until a follower has its event in hand, sorted."""
    store = await EventStore.open(database.service_url, keys=KEYS)
    sent: dict[UUID, float] = {}
    seen: list[float] = []

    async def follow() -> None:
        async with store.follow(after=await store.place()) as pages:
            async for page in pages:
                now = time.perf_counter()
                seen.extend(now - sent[recorded.originator_id] for recorded in page)

    async def command() -> None:
        id = uuid4()

        async def decide(work: UnitOfWork) -> dict[str, Any]:
            work.add(Matter.open(id))
            return {}

        sent[id] = time.perf_counter()
        await store.execute(uuid4(), decide)

    follower = asyncio.create_task(follow())
    await asyncio.sleep(0.2)
    running = []
    begin = time.perf_counter()
    for number in range(int(seconds * per_second)):
        await asyncio.sleep(max(0.0, begin + number / per_second - time.perf_counter()))
        running.append(asyncio.create_task(command()))
    await asyncio.gather(*running)
    while len(seen) < len(running):  # noqa: ASYNC110 - the follower has no other word for having seen all
        await asyncio.sleep(0.01)
    follower.cancel()
    await asyncio.gather(follower, return_exceptions=True)
    await store.close()
    return sorted(seen)


async def fill(database: Database, state: bytes, events: int) -> None:
    """Writes a well-chained record of streams of twenty events as its owner: a million in some ten seconds."""
    connection = await asyncpg.connect(database.owner_url)
    position = 0

    def rows() -> Any:
        nonlocal position
        while position < events:
            stream = uuid4()
            stored = [StoredEvent(stream, version, StepRecorded.TOPIC, state) for version in range(1, _DEPTH + 1)]
            for event, digest in zip(stored, chain(START, stored), strict=True):
                position += 1
                yield position, stream, event.originator_version, event.topic, state, digest

    columns = ["notification_id", "originator_id", "originator_version", "topic", "state", "hash"]
    await connection.copy_records_to_table("peiban_events", records=rows(), columns=columns)
    await connection.execute("UPDATE peiban_head SET notification_id = $1", position)
    await connection.execute("ANALYZE peiban_events")
    await connection.close()
