"""Order, shown with transactions that are held open on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from eventstore import EventStore
from eventstore.batch import _APPEND, _columns, _Waiting
from tests.database import Database
from tests.integration.eventstore.ledger import open_ledger
from tests.integration.eventstore.raw import append, stored, until_somebody_waits_for_a_lock


@asynccontextmanager
async def another_process(database: Database) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.service_url)
    try:
        yield connection
    finally:
        await connection.close()


async def append_within(connection: Any) -> None:
    """Appends one event of its own stream and leaves it to the caller to commit."""
    waiting = _Waiting(append(stored(uuid4(), 1)), asyncio.get_running_loop().create_future())
    await connection.fetch(_APPEND, *_columns([waiting]))


async def test_a_later_append_waits_for_an_earlier_one_that_is_still_open(
    store: EventStore, database: Database
) -> None:
    async with another_process(database) as early, early.transaction():
        await append_within(early)
        late = asyncio.create_task(open_ledger(store))
        await until_somebody_waits_for_a_lock(database.superuser_url)
        assert not late.done()
        assert await store.page(0, 10) == []
    stream = await late
    assert [record.position for record in await store.events(stream)] == [2]


async def test_an_append_that_is_rolled_back_leaves_no_gap(store: EventStore, database: Database) -> None:
    async with another_process(database) as early:
        transaction = early.transaction()
        await transaction.start()
        await append_within(early)
        late = asyncio.create_task(open_ledger(store))
        await until_somebody_waits_for_a_lock(database.superuser_url)
        await transaction.rollback()
    stream = await late
    assert [record.position for record in await store.events(stream)] == [1]
    assert await store.head() == 1


async def test_the_version_check_sees_what_was_committed_while_it_waited_for_the_lock(
    store: EventStore, database: Database
) -> None:
    """Two processes append version 1 of the same stream; the second one waits, then is told of the conflict."""
    stream = uuid4()
    loop = asyncio.get_running_loop()
    columns = [_columns([_Waiting(append(stored(stream, 1)), loop.create_future())]) for _ in range(2)]
    async with another_process(database) as early, another_process(database) as late:
        async with early.transaction():
            await early.fetch(_APPEND, *columns[0])
            second = asyncio.create_task(late.fetchrow(_APPEND, *columns[1]))
            await until_somebody_waits_for_a_lock(database.superuser_url)
        assert (await second)["refused"] == [1]


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_an_older_snapshot_than_the_lock_is_refused(database: Database, isolation: str) -> None:
    async with another_process(database) as connection:
        with pytest.raises(asyncpg.PostgresError, match="READ COMMITTED"):
            async with connection.transaction(isolation=isolation):
                await append_within(connection)
