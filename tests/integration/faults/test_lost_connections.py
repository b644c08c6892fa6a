"""Connections that are lost while the server stays: all of them at once, or the one that listens."""

from __future__ import annotations

import asyncio
from pathlib import Path

import psycopg
import pytest

from eventstore import EventStore, Place, VaultKeys, subscription
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.proxy import Proxy

NEVER = 3600.0
NOTIFICATION = b"A"  # the message's first byte, before its length
READERS = 6

_END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'peiban_service'"


async def test_a_read_meets_none_of_the_connections_that_died_together(store: EventStore, database: Database) -> None:
    ledger = await open_ledger(store)
    await asyncio.gather(*(store.head() for _ in range(READERS)))
    with psycopg.connect(database.superuser_url) as administrator:  # blocks: the loop notices nothing before it asks
        ended = administrator.execute(_END_ALL.encode()).fetchall()
    assert len(ended) >= READERS
    assert (await store.get(Ledger, ledger)).numbers == []
    assert (await add_note(store, ledger, 1)).answer == {"notes": 1}


class DeafProxy(Proxy):
    """Cuts the line at the moment when a notification comes along it, as often as it is told to."""

    def __init__(self, server_url: str, folder: Path) -> None:
        super().__init__(server_url, folder)
        self.cut_next_notification = False
        self.cuts = 0

    async def _replies(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            if data.startswith(NOTIFICATION) and self.cut_next_notification:
                self.cut_next_notification = False
                self.cuts += 1
                break
            sink.write(data)
        sink.close()


async def seen(store: EventStore, position: int) -> None:
    async with asyncio.timeout(20), store.follow(Place()) as pages:
        async for page in pages:
            if page[-1].position >= position:
                return


async def test_an_event_whose_notification_was_lost_with_its_connection_is_seen_by_polling(
    database: Database, vault_keys: VaultKeys, server_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "RECONNECT_SECONDS", NEVER)  # so that only polling can see it
    async with DeafProxy(database.service_url, server_root).running() as proxy:
        assert isinstance(proxy, DeafProxy)
        store = await EventStore.open(proxy.url, keys=vault_keys)
        ledger = await open_ledger(store)
        follower = asyncio.create_task(seen(store, 2))
        await seen(store, 1)
        proxy.cut_next_notification = True
        await add_note(store, ledger, 1)
        await follower
        assert proxy.cuts == 1
        await store.close()


async def test_a_listener_that_is_back_wakes_again(
    database: Database, vault_keys: VaultKeys, server_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And wakes once when it is back, for what it has not heard."""
    monkeypatch.setattr(subscription, "POLL_SECONDS", NEVER)  # so that only being woken can see it
    monkeypatch.setattr(subscription, "RECONNECT_SECONDS", 0.05)
    async with DeafProxy(database.service_url, server_root).running() as proxy:
        assert isinstance(proxy, DeafProxy)
        store = await EventStore.open(proxy.url, keys=vault_keys)
        ledger = await open_ledger(store)
        await seen(store, 1)
        for position in range(2, 8, 2):
            unheard, heard = (asyncio.create_task(seen(store, position + more)) for more in (0, 1))
            proxy.cut_next_notification = True
            await add_note(store, ledger, 1)
            await unheard
            await add_note(store, ledger, 1)
            await heard
        assert proxy.cuts == 3
        await store.close()
