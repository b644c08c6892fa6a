"""Appends below the unit of work, for what a unit of work would never send."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from eventsourcing.persistence import StoredEvent

from eventstore.batch import _APPEND, Append, BatchWriter, _columns, _Waiting
from eventstore.chain import START, chain
from eventstore.connection import connect


@asynccontextmanager
async def writer(url: str, **options: Any) -> AsyncIterator[BatchWriter]:
    writer = BatchWriter(lambda: connect(url), **options)
    try:
        yield writer
    finally:
        await writer.close()


async def until(connection: Any, question: str) -> Any:
    """The first answer that is true. The database has no event to await for who waits for whom."""
    while not (answer := await connection.fetchval(question)):  # noqa: ASYNC110 - see above
        await asyncio.sleep(0.002)
    return answer


async def until_somebody_waits_for_a_lock(url: str) -> None:
    # A connection of its own: within a transaction pg_stat_activity does not change.
    watcher = await connect(url)
    try:
        await until(
            watcher,
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        )
    finally:
        await watcher.close()


def stored(stream: UUID, version: int, state: bytes = b"{}", topic: str = "test") -> StoredEvent:
    return StoredEvent(stream, version, topic, state)


def append(*events: StoredEvent, previous: bytes = START, command_id: UUID | None = None, answer: str = "{}") -> Append:
    """One stream's events; `previous` is the hash they continue."""
    return Append(command_id or uuid4(), answer, events, chain(previous, list(events)))


def together(*appends: Append) -> Append:
    """One command over several streams."""
    return Append(
        uuid4(),
        "{}",
        [event for one in appends for event in one.events],
        [digest for one in appends for digest in one.hashes],
    )


async def append_on(connection: Any, *appends: Append) -> Any:
    """One call of peiban_append, as the writer would make it; on a connection whose transaction is the caller's."""
    loop = asyncio.get_running_loop()
    return await connection.fetchrow(_APPEND, *_columns([_Waiting(one, loop.create_future()) for one in appends]))
