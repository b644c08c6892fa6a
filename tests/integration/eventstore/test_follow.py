from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore import EventStore, UnknownEventError, VaultKeys, subscription
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.eventstore.proxy import Proxy
from tests.integration.eventstore.raw import append, stored, writer

NEVER = 3600.0


async def positions_until(store: EventStore, last: int, after: int = 0) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(20), store.follow(after=after) as pages:
        async for page in pages:
            seen += [record.position for record in page]
            if seen[-1] >= last:
                break
    return seen


async def test_a_follower_gets_everything_in_order_while_it_is_written(store: EventStore) -> None:
    followers = [asyncio.create_task(positions_until(store, 60)) for _ in range(3)]
    ids = await asyncio.gather(*(open_ledger(store) for _ in range(10)))
    await asyncio.gather(*(add_note(store, id, number) for id in ids for number in range(5)))
    assert [await follower for follower in followers] == [list(range(1, 61))] * 3


async def test_a_follower_goes_on_where_it_stopped(store: EventStore) -> None:
    for _ in range(5):
        await open_ledger(store)
    assert await positions_until(store, 5, after=3) == [4, 5]


async def test_pages_are_bounded(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PAGE", 2)
    for _ in range(5):
        await open_ledger(store)
    sizes: list[int] = []
    async with store.follow(after=0) as pages:
        async for page in pages:
            sizes.append(len(page))
            if sum(sizes) == 5:
                break
    assert sizes == [2, 2, 1]


async def test_a_notification_wakes_without_polling(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    await open_ledger(store)
    await positions_until(store, 1)
    monkeypatch.setattr(subscription, "POLL_SECONDS", NEVER)
    follower = asyncio.create_task(positions_until(store, 2))
    await open_ledger(store)
    assert await follower == [1, 2]


async def test_a_lost_notification_is_made_good_by_polling(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription.Listener, "_on_notify", lambda *_: None)
    monkeypatch.setattr(subscription, "POLL_SECONDS", 0.05)
    follower = asyncio.create_task(positions_until(store, 1))
    await open_ledger(store)
    assert await follower == [1]


async def test_a_follower_outlives_the_loss_of_every_connection(
    database: Database, vault_keys: VaultKeys, server_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "POLL_SECONDS", 0.02)
    async with Proxy(database.service_url, server_root).running() as proxy:
        store = await EventStore.open(proxy.url, keys=vault_keys)
        await open_ledger(store)
        follower = asyncio.create_task(positions_until(store, 3))
        await positions_until(store, 1)
        proxy.cut()
        await open_ledger(store)
        proxy.cut()
        await open_ledger(store)
        assert await follower == [1, 2, 3]
        await store.close()


async def test_an_event_of_a_newer_version_stops_the_follower_and_is_named(
    store: EventStore, database: Database
) -> None:
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(uuid4(), 1, topic="case-from-the-future")))
    with pytest.raises(UnknownEventError, match="case-from-the-future"):
        await positions_until(store, 1)
