"""Snapshots are a cache: they make a load shorter and never change what it gives."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest

from eventstore import EventStore, UnitOfWork, VaultKeys, repository, snapshots
from eventstore.connection import connect
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.test_follow import lose


@pytest.fixture(autouse=True)
def _every_five_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repository, "EVERY", 5)


async def snapshot_taken() -> None:
    """Waits for those that are being taken."""
    if taking := [task for task in asyncio.all_tasks() if task.get_name().startswith("snapshot ")]:
        await asyncio.wait(taking)


async def long_ledger(store: EventStore, events: int = 7) -> UUID:
    """Its snapshot stands at version 5 unless there are fewer events."""
    id = await open_ledger(store)
    for number in range(events - 1):
        await add_note(store, id, number)
        await snapshot_taken()
    return id


async def row(database: Database, id: UUID) -> Any:
    owner = await connect(database.owner_url)
    found = await owner.fetchrow("SELECT * FROM peiban_snapshots WHERE originator_id = $1", id)
    await owner.close()
    return found


async def execute(url: str, sql: str, *arguments: Any) -> None:
    connection = await connect(url)
    await connection.execute(sql, *arguments)
    await connection.close()


async def fresh(database: Database, keys: VaultKeys, id: UUID) -> list[int]:
    """As a process sees it that has nothing in its cache."""
    store = await EventStore.open(database.service_url, keys=keys)
    try:
        return (await store.get(Ledger, id)).numbers
    finally:
        await store.close()


async def test_a_long_stream_gets_a_snapshot_while_commands_go_on(store: EventStore, database: Database) -> None:
    id = await long_ledger(store, events=12)
    assert (await row(database, id))["originator_version"] == 10
    assert await row(database, await long_ledger(store, events=4)) is None


async def test_a_stream_that_was_never_warm_gets_one_when_it_is_read(
    store: EventStore, database: Database, vault_keys: VaultKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "EVERY", 1000)
    id = await long_ledger(store)
    monkeypatch.setattr(repository, "EVERY", 5)
    await store.get(Ledger, id)
    await snapshot_taken()
    assert (await row(database, id))["originator_version"] == 7


async def test_snapshot_and_tail_give_what_all_events_give(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    id = await long_ledger(store)
    with_snapshot = await store.get(Ledger, id)
    await execute(database.owner_url, "DELETE FROM peiban_snapshots")
    assert with_snapshot == await store.get(Ledger, id)
    assert await fresh(database, vault_keys, id) == [0, 1, 2, 3, 4, 5]


async def test_only_the_events_behind_the_snapshot_are_read(store: EventStore, database: Database) -> None:
    """Shown by events that are gone: the load does not miss them."""
    id = await long_ledger(store)
    await execute(
        database.superuser_url,
        f"ALTER TABLE peiban_events DISABLE TRIGGER append_only;"
        f"DELETE FROM peiban_events WHERE originator_id = '{id}' AND originator_version < 5",
    )
    assert (await store.get(Ledger, id)).numbers == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "forgery",
    [
        "state = convert_to(replace(convert_from(state, 'UTF8'), '0,1,2', '0,1,7'), 'UTF8')",
        "seal = sha256(state)",
        "originator_version = 4, hash = (SELECT hash FROM peiban_events e WHERE e.originator_id = "
        "peiban_snapshots.originator_id AND e.originator_version = 4)",
        "originator_version = 4",
        "originator_version = 400",
        "hash = sha256(hash)",
        "topic = 'antigravity'",
        "state = ''",
    ],
)
async def test_a_forged_snapshot_decides_nothing(
    store: EventStore, database: Database, vault_keys: VaultKeys, caplog: pytest.LogCaptureFixture, forgery: str
) -> None:
    id = await long_ledger(store)
    await execute(database.service_url, f"UPDATE peiban_snapshots SET {forgery}")
    other = await EventStore.open(database.service_url, keys=vault_keys)
    caplog.clear()

    async def decide(work: UnitOfWork) -> dict[str, list[int]]:
        return {"numbers": list((await work.get(Ledger, id)).numbers)}

    assert (await other.execute(uuid4(), decide)).answer == {"numbers": [0, 1, 2, 3, 4, 5]}
    await other.close()
    assert "passed over" in caplog.text


async def test_another_streams_snapshot_is_not_taken_for_ones_own(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    id, another = await long_ledger(store), await long_ledger(store)
    await add_note(store, another, 99)
    await execute(
        database.service_url,
        "UPDATE peiban_snapshots s SET state = o.state, seal = o.seal FROM peiban_snapshots o "
        "WHERE s.originator_id = $1 AND o.originator_id = $2",
        id,
        another,
    )
    assert await fresh(database, vault_keys, id) == [0, 1, 2, 3, 4, 5]


async def test_a_service_with_other_keys_passes_it_over(store: EventStore, database: Database) -> None:
    id = await long_ledger(store)
    others = VaultKeys("kek-other", kek=bytes(32), index_key=bytes(range(1, 33)))
    assert await fresh(database, others, id) == [0, 1, 2, 3, 4, 5]


async def test_a_snapshot_of_events_that_were_lost_is_passed_over(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    """A failover lost the events it was taken behind; others may stand there now."""
    id = await long_ledger(store)
    await lose(database, behind=3)
    assert await fresh(database, vault_keys, id) == [0, 1]
    other = await EventStore.open(database.service_url, keys=vault_keys)
    for number in (70, 80, 90):
        await add_note(other, id, number)
    await other.close()
    assert await fresh(database, vault_keys, id) == [0, 1, 70, 80, 90]


async def test_a_kept_aggregate_of_events_that_were_lost_is_not_written_on(
    store: EventStore, database: Database
) -> None:
    """Its hash does not continue the record, so the command is decided again on what is there."""
    id = await long_ledger(store)
    await lose(database, behind=6)
    assert (await add_note(store, id, 70)).answer == {"notes": 6}
    assert (await store.get(Ledger, id)).numbers == [0, 1, 2, 3, 4, 70]


async def test_a_snapshot_of_another_version_of_the_class_is_passed_over(
    store: EventStore, database: Database, vault_keys: VaultKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    id = await long_ledger(store)
    before = (await row(database, id))["shape"]
    monkeypatch.setattr(Ledger, "SNAPSHOT_VERSION", 2)
    snapshots.shape_of.cache_clear()
    try:
        assert snapshots.shape_of(Ledger) != before
        await execute(database.owner_url, "UPDATE peiban_snapshots SET seal = sha256(seal)")  # it is not even looked at
        assert await fresh(database, vault_keys, id) == [0, 1, 2, 3, 4, 5]
    finally:
        snapshots.shape_of.cache_clear()


async def test_a_snapshot_that_cannot_be_taken_is_a_line_in_the_log(
    store: EventStore, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    await execute(database.owner_url, "REVOKE INSERT ON peiban_snapshots FROM peiban_service")
    id = await long_ledger(store)
    assert "no snapshot was taken" in caplog.text
    assert (await add_note(store, id, 6)).answer == {"notes": 7}
    assert await row(database, id) is None
