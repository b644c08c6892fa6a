"""Commits whose wait for the standby was cut off: to be seen, and lost if that standby takes over now."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from eventstore import EventStore, Outcome, OutcomeUnknownError, UnitOfWork, VaultKeys
from eventstore.connection import connect
from eventstore.embedded import SUPERUSER
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.raw import until
from tests.integration.faults.servers import Pair
from tests.integration.faults.world import KEYS

WAITING = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND backend_type = 'client backend'"


@pytest.fixture
def pair(two_servers: Pair) -> Pair:
    two_servers.begin(synchronous=True)
    return two_servers


@pytest.fixture
async def store(pair: Pair) -> AsyncIterator[EventStore]:
    store = await EventStore.open(pair.service_url, keys=KEYS)
    yield store
    await store.close()


async def cut_off(pair: Pair, asking: asyncio.Task[Outcome]) -> None:
    """Cancels the wait for the standby, which is all that the command still does."""
    administrator = await connect(pair.primary.url(SUPERUSER))
    await administrator.fetchval("SELECT pg_cancel_backend($1)", await until(administrator, WAITING))
    await administrator.close()
    await asyncio.wait([asking], timeout=20)


async def unconfirmed_note(pair: Pair, store: EventStore, ledger: UUID, command_id: UUID) -> None:
    """A command that its standby, being away, never confirmed; told as unknown, and as often as it is asked again."""
    for _ in range(3):
        asking = asyncio.create_task(add_note(store, ledger, 1, command_id))
        await cut_off(pair, asking)
        with pytest.raises(OutcomeUnknownError):
            await asking
    assert (await store.get(Ledger, ledger)).numbers == [1]  # whoever looks sees it


async def test_it_is_unknown_until_the_standby_is_back_and_then_answered_as_the_first_time(
    pair: Pair, store: EventStore
) -> None:
    ledger, command_id = await open_ledger(store), uuid4()
    pair.standby.stop()
    await unconfirmed_note(pair, store, ledger, command_id)
    asking = asyncio.create_task(add_note(store, ledger, 1, command_id))
    pair.start_standby()
    assert await asking == Outcome({"notes": 1}, 2, replayed=True)
    assert await add_note(store, ledger, 2) == Outcome({"notes": 2}, 3, replayed=False)


async def test_it_is_unknown_also_to_a_service_that_was_started_afterwards(pair: Pair, store: EventStore) -> None:
    ledger, command_id = await open_ledger(store), uuid4()
    pair.standby.stop()
    await unconfirmed_note(pair, store, ledger, command_id)
    restarted = await EventStore.open(pair.service_url, keys=KEYS)
    await unconfirmed_note(pair, restarted, ledger, command_id)
    pair.start_standby()
    assert (await add_note(restarted, ledger, 1, command_id)).answer == {"notes": 1}
    await restarted.close()


async def test_it_is_carried_out_anew_when_the_standby_takes_over_without_it(pair: Pair, store: EventStore) -> None:
    ledger, command_id = await open_ledger(store), uuid4()
    pair.standby.stop()
    await unconfirmed_note(pair, store, ledger, command_id)
    pair.kill_primary()
    pair.standby.start()
    pair.promote()
    pair.make_standby()
    assert await add_note(store, ledger, 1, command_id) == Outcome({"notes": 1}, 2, replayed=False)
    assert await add_note(store, ledger, 1, command_id) == Outcome({"notes": 1}, 2, replayed=True)
    assert [record.originator_version for record in await store.events(ledger)] == [1, 2]


async def test_a_commit_that_is_in_time_for_its_standby_survives_the_primary(pair: Pair, store: EventStore) -> None:
    """The other side of the coin: what was answered is on the standby, whatever happens next."""
    ledger = await open_ledger(store)
    outcomes = [await add_note(store, ledger, number) for number in range(5)]
    pair.kill_primary()
    pair.promote()
    pair.make_standby()
    assert [record.position for record in await store.page(0, 10)] == [1, *(one.position for one in outcomes)]


async def test_what_is_seen_in_the_record_is_never_said_not_to_be_stored(
    database: Database, vault_keys: VaultKeys
) -> None:
    """Whoever cannot ask for the confirmation, for want of room or of a server, knows nothing."""
    first = await EventStore.open(database.service_url, keys=vault_keys)
    ledger, command_id = await open_ledger(first), uuid4()
    await add_note(first, ledger, 1, command_id)
    await first.close()

    async def refuse(work: UnitOfWork) -> dict[str, int]:
        raise PermissionError  # on what it did itself: it was carried out before

    busy = await EventStore.open(database.service_url, keys=vault_keys, max_queue=0)
    with pytest.raises(OutcomeUnknownError):
        await busy.execute(command_id, refuse)
    await busy.close()
