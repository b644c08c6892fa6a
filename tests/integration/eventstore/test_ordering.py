"""Order, shown with transactions that are held open on purpose."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore import EventStore
from tests.database import Database
from tests.integration.eventstore.ledger import open_ledger
from tests.integration.eventstore.raw import append, append_on, stored, until_somebody_waits_for_a_lock


@asynccontextmanager
async def another_process(database: Database) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(database.service_url)
    try:
        yield connection
    finally:
        await connection.close()


async def positions(database: Database) -> list[tuple[int, UUID]]:
    """What somebody sees who connects now."""
    async with another_process(database) as connection:
        rows = await connection.fetch("SELECT * FROM peiban_events ORDER BY notification_id")
    return [(row["notification_id"], row["originator_id"]) for row in rows]


async def test_a_later_append_waits_for_an_earlier_one_that_is_still_open(
    store: EventStore, database: Database
) -> None:
    async with another_process(database) as early, early.transaction():
        await append_on(early, append(stored(uuid4(), 1)))
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
        await append_on(early, append(stored(uuid4(), 1)))
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
    async with another_process(database) as early, another_process(database) as late:
        async with early.transaction():
            await append_on(early, append(stored(stream, 1)))
            second = asyncio.create_task(append_on(late, append(stored(stream, 1))))
            await until_somebody_waits_for_a_lock(database.superuser_url)
        assert (await second)["refused"] == [1]


@pytest.mark.parametrize("isolation", ["repeatable_read", "serializable"])
async def test_an_older_snapshot_than_the_lock_is_refused(database: Database, isolation: str) -> None:
    async with another_process(database) as connection:
        with pytest.raises(asyncpg.PostgresError, match="READ COMMITTED"):
            async with connection.transaction(isolation=isolation):
                await append_on(connection, append(stored(uuid4(), 1)))


async def test_a_follower_is_given_nothing_while_an_earlier_append_is_open_and_then_skips_nothing(
    store: EventStore, database: Database
) -> None:
    """The later of two transactions may not be seen first: whoever goes on by position would never look back."""
    first, second = append(stored(uuid4(), 1)), append(stored(uuid4(), 1))
    async with another_process(database) as early, another_process(database) as late:
        async with early.transaction():
            await append_on(early, first)
            pending = asyncio.create_task(append_on(late, second))
            await until_somebody_waits_for_a_lock(database.superuser_url)
            assert await positions(database) == []
        await pending
    assert await positions(database) == [(1, first.events[0].originator_id), (2, second.events[0].originator_id)]


async def test_commands_composed_into_one_call_wrongly_are_refused_whole(database: Database) -> None:
    """Whoever calls keeps a stream and an id to one command of a call; if it does not, the keys do."""
    stream, command_id = uuid4(), uuid4()
    wrong = [
        [append(stored(stream, 1)), append(stored(stream, 1))],
        [append(stored(uuid4(), 1), command_id=command_id), append(stored(uuid4(), 1), command_id=command_id)],
    ]
    async with another_process(database) as connection:
        for appends in wrong:
            with pytest.raises(asyncpg.UniqueViolationError):
                await append_on(connection, *appends)
    assert await positions(database) == []
