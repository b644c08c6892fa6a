"""The package's verbs, awaited: what its own suites (tests/contract) do not ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from eventsourcing.persistence import IntegrityError, Tracking, WaitInterruptedError

from eventstore import verify
from eventstore.connection import Reader
from eventstore.mapper import Mapper
from eventstore.recorder import Recorder
from tests.database import Database
from tests.integration.eventstore.proxy import Proxy
from tests.integration.eventstore.raw import stored, writer

LONG = 30.0


@asynccontextmanager
async def opened(reading_url: str, writing_url: str) -> AsyncIterator[Recorder]:
    reader = await Reader.open(reading_url, 4)
    async with writer(writing_url) as batch:
        yield Recorder(reader, Mapper(), batch)
    await reader.close()


@pytest.fixture
async def recorder(database: Database) -> AsyncIterator[Recorder]:
    async with opened(database.service_url, database.service_url) as recorder:
        yield recorder


async def test_streams_may_alternate_within_one_call_and_keep_that_order(
    recorder: Recorder, database: Database
) -> None:
    one, two = uuid4(), uuid4()
    await recorder.insert_events([stored(one, 1)])
    events = [stored(two, 0), stored(one, 2), stored(two, 1), stored(one, 3)]
    assert await recorder.insert_events(events) == [2, 3, 4, 5]
    assert (await recorder.select_notifications(2, 10))[0].originator_id == two
    assert await recorder.select_events(one, gt=1) == [events[1], events[3]]
    report = await verify(database.service_url)
    assert (report.events, report.first_bad) == (5, None)


@pytest.mark.parametrize("versions", [(1, 1), (1, 3), (2,), (2, 1), (-1,)])
async def test_what_does_not_follow_is_an_integrity_error(recorder: Recorder, versions: tuple[int, ...]) -> None:
    stream = uuid4()
    with pytest.raises(IntegrityError):
        await recorder.insert_events([stored(stream, version) for version in versions])
    assert await recorder.max_notification_id() is None


async def test_calls_that_race_for_a_version_end_in_one_event_and_integrity_errors(recorder: Recorder) -> None:
    stream = uuid4()
    results = await asyncio.gather(
        *(recorder.insert_events([stored(stream, 1)]) for _ in range(8)), return_exceptions=True
    )
    assert sorted(str(result) for result in results if isinstance(result, list)) == ["[1]"]
    assert sum(isinstance(result, IntegrityError) for result in results) == 7


async def test_nothing_with_nothing_is_nothing(recorder: Recorder) -> None:
    assert await recorder.insert_events([]) == []
    assert await recorder.insert_events([], tracking=Tracking("follower", 3)) == []
    assert await recorder.max_notification_id() is None
    assert await recorder.max_tracking_id("follower") == 3


async def test_a_tracking_that_does_not_move_forward_takes_its_events_with_it(recorder: Recorder) -> None:
    await recorder.insert_events([stored(uuid4(), 1)], tracking=Tracking("follower", 3))
    with pytest.raises(IntegrityError):
        await recorder.insert_events([stored(uuid4(), 1)], tracking=Tracking("follower", 3))
    assert await recorder.max_notification_id() == 1


async def test_a_reply_lost_in_commit_is_not_taken_for_a_conflict(database: Database, server_root: Path) -> None:
    """The package tries again and then answers IntegrityError for what it has itself stored."""
    async with (
        Proxy(database.service_url, server_root).running() as proxy,
        opened(database.service_url, proxy.url) as recorder,
    ):
        stream = uuid4()
        await recorder.insert_events([stored(stream, 1)])
        proxy.lose_next_reply = True
        assert await recorder.insert_events([stored(stream, 2), stored(stream, 3)]) == [2, 3]
        proxy.lose_next_reply = True
        await recorder.insert_tracking(Tracking("follower", 3))
        assert proxy.lost == 2


async def test_waiting_ends_when_the_follower_arrives(recorder: Recorder) -> None:
    waiting = asyncio.create_task(recorder.wait("follower", 2, LONG))
    await recorder.insert_tracking(Tracking("follower", 1))
    assert not waiting.done()
    await recorder.insert_tracking(Tracking("follower", 2))
    await waiting


async def test_waiting_can_be_interrupted(recorder: Recorder) -> None:
    interrupt = asyncio.Event()
    waiting = asyncio.create_task(recorder.wait("follower", 2, LONG, interrupt))
    await asyncio.sleep(0)
    interrupt.set()
    with pytest.raises(WaitInterruptedError):
        await waiting
