from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore import EventStore, Place, RecordChangedError, UnknownEventError, VaultKeys, subscription
from eventstore.connection import connect
from eventstore.tracking import PostgresTracking
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.eventstore.proxy import Proxy
from tests.integration.eventstore.raw import append, stored, writer

NEVER = 3600.0


async def positions_until(store: EventStore, last: int, after: Place | None = None) -> list[int]:
    seen: list[int] = []
    async with asyncio.timeout(20), store.follow(after or Place()) as pages:
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
    third = (await store.page(2, 1))[0].place
    assert await positions_until(store, 5, third) == [4, 5]


async def test_a_follower_goes_on_where_it_stopped_before_a_restart(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    tracking = await PostgresTracking.open(database.service_url)
    await open_ledger(store)
    await tracking.set("reader", await store.place())
    restarted = await EventStore.open(database.service_url, keys=vault_keys)
    follower = asyncio.create_task(positions_until(restarted, 2, await tracking.get("reader")))
    await open_ledger(store)
    assert await follower == [2]
    await restarted.close()
    await tracking.close()


async def test_pages_are_bounded(store: EventStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscription, "PAGE", 2)
    for _ in range(5):
        await open_ledger(store)
    sizes: list[int] = []
    async with store.follow(Place()) as pages:
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
    monkeypatch.setattr(subscription, "RECONNECT_SECONDS", 0.02)
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


async def test_what_comes_before_an_event_that_cannot_be_read_is_still_told(
    store: EventStore, database: Database
) -> None:
    await open_ledger(store)
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(uuid4(), 1, topic="case-from-the-future")))
    assert await positions_until(store, 1) == [1]
    with pytest.raises(UnknownEventError, match="case-from-the-future"):
        await positions_until(store, 2)


# another connection, another host


async def test_a_listener_whose_host_vanished_listens_elsewhere(
    store: EventStore, database: Database, server_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is never closed: only asking shows that nobody is there."""
    monkeypatch.setattr(subscription, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(subscription, "RECONNECT_SECONDS", 0.0)
    async with asyncio.timeout(20), Proxy(database.service_url, server_root).running() as proxy:
        listener = subscription.Listener(lambda: connect(proxy.url))
        async with listener.wakes() as wake:
            await wake.wait()
            wake.clear()
            proxy.stall()
            await wake.wait()  # it listens anew
            wake.clear()
            await open_ledger(store)
            await wake.wait()
        await listener.close()


async def test_a_follower_goes_over_to_the_next_host_of_the_address(
    database: Database, vault_keys: VaultKeys, server_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(subscription, "RECONNECT_SECONDS", 0.02)
    folders = [server_root / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir(mode=0o755)
    first, second = (Proxy(database.service_url, folder) for folder in folders)
    async with second.running():
        async with first.running():
            store = await EventStore.open(f"{first.url},{folders[1]}", keys=vault_keys)
            follower = asyncio.create_task(positions_until(store, 2))
            await open_ledger(store)
            await positions_until(store, 1)
        await open_ledger(store)
        assert await follower == [1, 2]
        await store.close()


# the next page, while this one is being dealt with


async def test_the_next_page_is_read_while_one_is_dealt_with(
    store: EventStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "PAGE", 2)
    for _ in range(4):
        await open_ledger(store)
    async with asyncio.timeout(20), store.follow(Place()) as pages:
        assert [record.position for record in await anext(pages)] == [1, 2]
        await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "read ahead"])
        await lose(database, behind=0)
        assert [record.position for record in await anext(pages)] == [3, 4]
        with pytest.raises(RecordChangedError):
            await anext(pages)


# a record that is not what it was: positions were lost in a failover, and perhaps used again


async def lose(database: Database, behind: int) -> None:
    """What an asynchronous standby had not got when it was promoted."""
    administrator = await connect(database.superuser_url)
    async with administrator.transaction():
        await administrator.execute("ALTER TABLE peiban_events DISABLE TRIGGER append_only")
        await administrator.execute("DELETE FROM peiban_events WHERE notification_id > $1", behind)
        await administrator.execute("UPDATE peiban_head SET notification_id = $1", behind)
        await administrator.execute("ALTER TABLE peiban_events ENABLE ALWAYS TRIGGER append_only")
    await administrator.close()


async def test_a_place_that_was_lost_stops_the_follower(store: EventStore, database: Database) -> None:
    for _ in range(3):
        await open_ledger(store)
    place = await store.place()
    await lose(database, behind=2)
    with pytest.raises(RecordChangedError):
        await positions_until(store, 4, place)


async def test_a_place_that_was_lost_and_used_again_stops_the_follower(store: EventStore, database: Database) -> None:
    for _ in range(3):
        await open_ledger(store)
    place = await store.place()
    await lose(database, behind=2)
    for _ in range(2):
        await open_ledger(store)
    assert await store.head() == place.position + 1
    with pytest.raises(RecordChangedError):
        await positions_until(store, 4, place)


async def test_a_follower_that_waits_is_stopped_too(
    store: EventStore, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "POLL_SECONDS", NEVER)
    await open_ledger(store)
    async with asyncio.timeout(20), store.follow(Place()) as pages:
        await anext(pages)
        waiting = asyncio.ensure_future(anext(pages))
        await lose(database, behind=0)
        await open_ledger(store)
        await open_ledger(store)
        with pytest.raises(RecordChangedError):
            await waiting


async def test_a_hole_in_the_positions_stops_the_follower(store: EventStore, database: Database) -> None:
    for _ in range(2):
        await open_ledger(store)
    place = await store.place()
    administrator = await connect(database.superuser_url)
    await administrator.execute("UPDATE peiban_head SET notification_id = 3")
    await administrator.close()
    await open_ledger(store)
    with pytest.raises(RecordChangedError, match="3"):
        await positions_until(store, 4, place)


async def test_a_place_without_a_hash_is_taken_on_trust_once(store: EventStore, database: Database) -> None:
    """As older programs noted it."""
    await open_ledger(store)
    tracking = await PostgresTracking.open(database.service_url)
    owner = await connect(database.owner_url)
    await owner.execute("INSERT INTO peiban_tracking (name, notification_id) VALUES ('reader', 1)")
    await owner.close()
    old = await tracking.get("reader")
    assert old == Place(1)
    await open_ledger(store)
    assert await positions_until(store, 2, old) == [2]
    await tracking.set("reader", await store.place())
    assert len((await tracking.get("reader")).hash) == 32
    await tracking.close()
