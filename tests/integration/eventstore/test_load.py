"""Loading: many streams in one statement, each for whoever asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore import AggregateNotFoundError, EventStore, RecordUnavailableError, UnknownEventError, VaultKeys
from eventstore.connection import Reader
from eventstore.loader import Loader
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.proxy import Proxy
from tests.integration.eventstore.raw import append, stored, until_somebody_waits_for_a_lock, writer


async def ledgers(store: EventStore, count: int) -> list[UUID]:
    """The n-th holds the numbers below n."""
    ids = list(await asyncio.gather(*(open_ledger(store) for _ in range(count))))
    await asyncio.gather(*(add_note(store, id, number) for place, id in enumerate(ids) for number in range(place)))
    return ids


async def test_streams_that_are_loaded_together_are_not_mixed_up(store: EventStore) -> None:
    ids = await ledgers(store, 12)
    for _ in range(3):
        found = await asyncio.gather(*(store.get(Ledger, id) for id in ids * 20))
        assert [sorted(ledger.numbers) for ledger in found] == [list(range(place)) for place in range(12)] * 20
        assert len({id(ledger) for ledger in found}) == len(found)


async def test_one_that_is_missing_is_missing_for_its_asker_only(store: EventStore) -> None:
    ids = await ledgers(store, 3)
    asked = [ids[0], uuid4(), ids[1], uuid4(), ids[2]]
    found = await asyncio.gather(*(store.get(Ledger, id) for id in asked), return_exceptions=True)
    assert [isinstance(one, AggregateNotFoundError) for one in found] == [False, True, False, True, False]


async def test_one_that_cannot_be_read_fails_for_its_asker_only(store: EventStore, database: Database) -> None:
    id, odd = await open_ledger(store), uuid4()
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(odd, 1, topic="case-from-the-future")))
    asked = [id, odd, id, id, odd]
    found = await asyncio.gather(*(store.get(Ledger, one) for one in asked), return_exceptions=True)
    assert [isinstance(one, UnknownEventError) for one in found] == [False, True, False, False, True]


@asynccontextmanager
async def loader_of(url: str) -> AsyncIterator[Loader]:
    reader = await Reader.open(url, 4)
    loader = Loader(reader)
    yield loader
    await loader.close()
    await reader.close()


async def test_what_is_asked_for_meanwhile_gathers_and_whoever_leaves_takes_nobody_along(
    store: EventStore, database: Database
) -> None:
    """Forced: the table is locked, so that the first statements wait and the others gather behind them."""
    ids = await ledgers(store, 6)
    holder = await asyncpg.connect(database.superuser_url)
    async with loader_of(database.service_url) as loader:
        async with holder.transaction():
            await holder.execute("LOCK TABLE peiban_events IN ACCESS EXCLUSIVE MODE")
            asking = [asyncio.create_task(loader.read(id, "")) for id in ids]
            await until_somebody_waits_for_a_lock(database.superuser_url)
            for leaving in (asking[0], asking[4]):
                leaving.cancel()
        lengths = [
            len(one) if isinstance(one, list) else one for one in await asyncio.gather(*asking, return_exceptions=True)
        ]
        assert [lengths[place] for place in (1, 2, 3, 5)] == [2, 3, 4, 6]
        assert isinstance(lengths[0], asyncio.CancelledError)
        assert len(await loader.read(ids[5], "")) == 6
    await holder.close()


async def test_closing_leaves_nobody_waiting(store: EventStore, database: Database) -> None:
    id = await open_ledger(store)
    holder = await asyncpg.connect(database.superuser_url)
    reader = await Reader.open(database.service_url, 2)
    loader = Loader(reader)
    async with holder.transaction():
        await holder.execute("LOCK TABLE peiban_events IN ACCESS EXCLUSIVE MODE")
        asking = [asyncio.create_task(loader.read(id, "")) for _ in range(3)]
        await until_somebody_waits_for_a_lock(database.superuser_url)
        await loader.close()
        found = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(one, RecordUnavailableError) for one in found)
    await reader.close()
    await holder.close()


async def test_a_database_that_is_away_is_told_to_everybody_and_comes_back(
    database: Database, vault_keys: VaultKeys, server_root: Path
) -> None:
    async with Proxy(database.service_url, server_root).running() as proxy:
        store = await EventStore.open(proxy.url, keys=vault_keys)
        id = await open_ledger(store)
        proxy.closed_for_new = True
        proxy.cut()
        found = await asyncio.gather(*(store.get(Ledger, id) for _ in range(5)), return_exceptions=True)
        assert all(isinstance(one, RecordUnavailableError) for one in found)
        proxy.closed_for_new = False
        assert (await store.get(Ledger, id)).numbers == []
        await store.close()


@pytest.mark.parametrize("first", [0, 1])
async def test_a_stream_may_begin_at_zero_or_at_one(store: EventStore, database: Database, first: int) -> None:
    """The package allows both; the numbers are the stream's own."""
    id = uuid4()
    async with writer(database.service_url) as batch:
        await batch.write(append(*(stored(id, first + place) for place in range(3))))
    async with loader_of(database.service_url) as loader:
        assert [row["originator_version"] for row in await loader.read(id, "")] == [first, first + 1, first + 2]
