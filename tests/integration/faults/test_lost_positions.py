"""A standby that confirmed nothing takes over, and has not got the last events: their positions are used again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from eventstore import EventStore, Place, RecordChangedError, Recorded, verify
from eventstore.connection import connect
from projections import PROJECTIONS, Runner, open_pool, rebuild
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.faults.servers import Pair
from tests.integration.faults.world import KEYS, Tally, read_tally, tell

KEPT, LOST = 5, 4


@pytest.fixture
def pair(two_servers: Pair) -> Pair:
    two_servers.begin(synchronous=False)
    return two_servers


@pytest.fixture
async def store(pair: Pair) -> AsyncIterator[EventStore]:
    store = await EventStore.open(pair.service_url, keys=KEYS)
    yield store
    await store.close()


@pytest.fixture
async def runner(pair: Pair, store: EventStore) -> AsyncIterator[Runner]:
    pool = await open_pool(pair.service_url, size=4)
    async with Runner(store, pool, [Tally(), PROJECTIONS["progress"]], lambda: datetime.now(UTC)) as runner:
        yield runner
    await pool.close()


async def kept(pair: Pair, store: EventStore) -> UUID:
    """The events that the standby has got."""
    ledger = await open_ledger(store)
    for number in range(1, KEPT):
        await add_note(store, ledger, number)
    pair.await_standby()
    return ledger


async def lost(pair: Pair, store: EventStore, ledger: UUID) -> None:
    """Events that it has not got, and what it then takes over without."""
    pair.standby.stop()
    for number in range(LOST):
        await add_note(store, ledger, 100 + number)


def take_over(pair: Pair) -> None:
    pair.kill_primary()
    pair.standby.start()
    pair.promote()


async def used_again(store: EventStore, ledger: UUID, events: int) -> None:
    """Positions that had other events; the clients do not know that anything happened, and are served."""
    for number in range(events):
        await add_note(store, ledger, 200 + number)


class Follower:
    """Remembers all that it is told; ends when the record is no longer the one that it followed."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.told: list[Recorded] = []
        self._moved = asyncio.Condition()

    async def run(self) -> None:
        async with self._store.follow(Place()) as pages:
            async for page in pages:
                self.told += page
                async with self._moved:
                    self._moved.notify_all()

    async def passed(self, position: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: len(self.told) >= position)


@asynccontextmanager
async def running(task: Any) -> AsyncIterator[asyncio.Task[None]]:
    running = asyncio.create_task(task)
    yield running
    running.cancel()
    with suppress(asyncio.CancelledError, RecordChangedError):
        await running


@pytest.mark.parametrize("again", [0, LOST - 1, LOST, LOST + 3])
async def test_a_follower_stops_and_says_so_before_it_is_told_anything_else(
    pair: Pair, store: EventStore, again: int
) -> None:
    """However far the record has come by then: shorter than it was, as long, or longer."""
    follower = Follower(store)
    async with asyncio.timeout(60), running(follower.run()) as following:
        ledger = await kept(pair, store)
        await lost(pair, store, ledger)
        await follower.passed(KEPT + LOST)
        take_over(pair)
        await used_again(store, ledger, again)
        with pytest.raises(RecordChangedError):
            await following
    numbers = (await store.get(Ledger, ledger)).numbers
    assert numbers == [*range(1, KEPT), *range(200, 200 + again)]
    assert [recorded.position for recorded in follower.told] == list(range(1, KEPT + LOST + 1))
    for place in (recorded.place for recorded in follower.told[KEPT:]):  # also whoever comes later with such a place
        with pytest.raises(RecordChangedError):
            await asyncio.wait_for(anext(aiter_of(store, place)), 20)
    assert (await verify(pair.service_url)).first_bad is None


async def aiter_of(store: EventStore, place: Place) -> AsyncIterator[list[Recorded]]:
    async with store.follow(place) as pages:
        async for page in pages:
            yield page


async def test_a_follower_that_was_not_told_what_was_lost_goes_on(pair: Pair, store: EventStore) -> None:
    follower = Follower(store)
    async with asyncio.timeout(60), running(follower.run()):
        ledger = await kept(pair, store)
        await follower.passed(KEPT)
        pair.standby.stop()
        take_over(pair)
        await used_again(store, ledger, 3)
        await follower.passed(KEPT + 3)
    assert [recorded.position for recorded in follower.told] == list(range(1, KEPT + 4))


async def set_back(pair: Pair, store: EventStore, runner: Runner) -> UUID:
    """All read models had told what is lost."""
    ledger = await kept(pair, store)
    assert await runner.wait_for(KEPT, timeout=30)
    pair.await_standby()
    await lost(pair, store, ledger)
    assert await runner.wait_for(KEPT + LOST, timeout=30)
    take_over(pair)
    return ledger


async def test_a_projection_stops_and_says_so_until_it_is_rebuilt(
    pair: Pair, store: EventStore, runner: Runner
) -> None:
    """Its rows and its place were set back with the record; the process that wrote them knows better."""
    ledger = await set_back(pair, store, runner)
    await used_again(store, ledger, LOST)
    async with asyncio.timeout(30):
        while {status.state for status in await runner.status()} != {"stopped"}:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)
    for status in await runner.status():
        assert status.failure is not None
        assert "RecordChangedError" in status.failure.error
    assert await tally_is_true(pair, store, KEPT)
    await rebuild(store, pair.owner_url, PROJECTIONS["progress"], lambda *_: None)
    assert await runner.wait_for(KEPT + LOST, ["progress"], timeout=30)


async def test_a_service_started_after_the_loss_projects_what_the_record_is_now(pair: Pair, store: EventStore) -> None:
    pool = await open_pool(pair.service_url, size=4)
    async with Runner(store, pool, [Tally()], lambda: datetime.now(UTC)) as before:
        ledger = await set_back(pair, store, before)
    await used_again(store, ledger, LOST + 1)
    async with Runner(store, pool, [Tally()], lambda: datetime.now(UTC)) as after:
        assert await after.wait_for(KEPT + LOST + 1, timeout=30)
    await pool.close()
    assert await tally_is_true(pair, store, KEPT + LOST + 1)


async def tally_is_true(pair: Pair, store: EventStore, until: int) -> bool:
    """The rows tell the record up to there: all of it once, and nothing that is lost."""
    connection = await connect(pair.service_url)
    rows = await read_tally(connection)
    await connection.close()
    return rows == tell({}, ((one.originator_id, one.hash) for one in await store.page(0, until)))
