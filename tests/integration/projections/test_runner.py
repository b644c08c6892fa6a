from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from cases.case import Case, CaseAccepted, CaseWithdrawn
from eventstore import EventStore, Recorded
from projections import PROJECTIONS, Projection, Runner, rebuild
from projections.agenda import find_inspection
from projections.people import People, find_staff
from projections.timeline import timeline_of
from projections.worklists import find_case
from tests.database import Database
from tests.unit.projections import story as given
from tests.unit.projections.story import LI, Story, records, sealed, uid


class Stumbling(People):
    """Writes its rows and only then fails on one kind of event."""

    def __init__(self, topic: str) -> None:
        self._topic = topic

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        touched = await super().apply(connection, page)
        if any(recorded.topic == self._topic for recorded in page):
            raise ValueError("stumbled")
        return touched


def running(store: EventStore, pool: Any, *projections: Projection, now: Story | None = None) -> Runner:
    chosen = projections or tuple(PROJECTIONS.values())
    return Runner(store, pool, chosen, lambda: (now or Story()).now)


async def test_a_projection_that_fails_stops_alone_and_names_the_event(
    store: EventStore, pool: Any, caplog: pytest.LogCaptureFixture
) -> None:
    story = given.whole_life()
    position = await given.write(store, story.facts)
    duty_set = 1 + [fact.event.TOPIC for fact in story.facts].index("duty-set")
    others = [projection for name, projection in PROJECTIONS.items() if name != "people"]

    with caplog.at_level(logging.ERROR):
        async with running(store, pool, Stumbling("duty-set"), *others, now=story) as runner:
            assert await runner.wait_for(position, names=[p.name for p in others], timeout=30)
            assert not await runner.wait_for(position, names=["people"], timeout=30)
            status = {s.name: s for s in await runner.status()}

    stopped = status["people"]
    assert (stopped.state, stopped.position, stopped.lag_events) == ("stopped", duty_set - 1, position - duty_set + 1)
    assert stopped.lag_seconds == (story.now - story.facts[duty_set - 1].context.at).total_seconds()
    assert stopped.failure is not None
    assert (stopped.failure.position, stopped.failure.topic) == (duty_set, "duty-set")
    assert {s.state for name, s in status.items() if name != "people"} == {"running"}
    assert {s.lag_events for name, s in status.items() if name != "people"} == {0}
    (message,) = [record.getMessage() for record in caplog.records]
    assert "people" in message and "duty-set" in message and str(duty_set) in message


async def test_rows_and_tracking_are_kept_or_lost_together(store: EventStore, pool: Any) -> None:
    """The failing one had already written that Zhao is off duty: nothing of it stays, and no event is skipped."""
    story = Story()
    given.office(story)
    position = await given.write(store, story.facts)
    async with running(store, pool, Stumbling("duty-set")) as runner:
        assert not await runner.wait_for(position, timeout=30)
    assert (await find_staff(pool, [given.ZHAO]))[given.ZHAO].on_duty

    async with running(store, pool, People()) as repaired:
        assert await repaired.wait_for(position, timeout=30)
    assert not (await find_staff(pool, [given.ZHAO]))[given.ZHAO].on_duty


async def test_a_restarted_runner_goes_on_where_it_stood(store: EventStore, pool: Any) -> None:
    story = given.whole_life()
    middle = len(story.facts) // 2
    position = await given.write(store, story.facts[:middle])
    async with running(store, pool) as runner:
        assert await runner.wait_for(position, timeout=30)
    position = await given.write(store, story.facts[middle:])
    async with running(store, pool) as runner:
        assert await runner.wait_for(position, timeout=30)
    assert len(await timeline_of(pool, uid("first"))) == len(story.facts) - 7


async def test_two_services_tell_each_event_once(store: EventStore, pool: Any) -> None:
    story = given.whole_life()
    async with running(store, pool) as one, running(store, pool) as other:
        position = await given.write(store, story.facts)
        assert await one.wait_for(position, timeout=30)
        assert await other.wait_for(position, timeout=30)
        assert {s.state for s in await one.status() + await other.status()} == {"running"}
    case = await find_case(pool, uid("first"))
    assert case is not None
    assert len({step.position for step in case.steps}) == len(case.steps)


async def test_a_listener_hears_of_a_change_once_the_row_shows_it(store: EventStore, pool: Any, runner: Runner) -> None:
    story = Story()
    case = given.received(story, "first")
    async with runner.listen(case) as changes, asyncio.timeout(30):
        position = await given.write(store, story.facts)
        while await changes.get() < position:
            pass
        row = await find_case(pool, case)
    assert row is not None and row.position == position


async def test_the_page_of_a_case_hears_of_its_inspection(store: EventStore, pool: Any, runner: Runner) -> None:
    story = Story()
    case = given.received(story, "first")
    inspection = given.planned(story, "first")
    async with runner.listen(str(case)) as of_case, runner.listen(inspection) as of_inspection, asyncio.timeout(30):
        position = await given.write(store, story.facts)
        while await of_case.get() < position:
            pass
        while await of_inspection.get() < position:
            pass
    row = await find_inspection(pool, inspection)
    assert row is not None and row.status == "offered"


async def test_digests_of_a_running_recording_wake_nobody(store: EventStore, pool: Any) -> None:
    story = Story()
    given.received(story, "first")
    given.planned(story, "first")
    given.inspected(story, "first")
    page = list(records(story.facts))
    index = [recorded.topic for recorded in page].index("recording-head")
    async with pool.acquire() as connection, connection.transaction():
        for projection in PROJECTIONS.values():
            await projection.apply(connection, page[:index])
            assert not await projection.apply(connection, page[index : index + 1])


async def test_waiting_ends_when_the_time_is_up(store: EventStore, runner: Runner) -> None:
    assert not await runner.wait_for(1, timeout=0)
    assert await runner.wait_for(0)


async def test_a_projection_notices_that_the_record_was_replaced(
    store: EventStore, pool: Any, database: Database
) -> None:
    story = Story()
    given.office(story)
    position = await given.write(store, story.facts)
    async with running(store, pool) as runner:
        assert await runner.wait_for(position, timeout=30)
    await pool.execute("UPDATE projections.tracking SET hash = $1 WHERE name = 'people'", b"\1" * 32)

    story.now = Story().now
    given.received(story, "first")
    position = await given.write(store, story.facts[7:])
    async with running(store, pool) as runner:
        assert not await runner.wait_for(position, names=["people"], timeout=30)
        assert await runner.wait_for(position, names=["progress"], timeout=30)
        status = {s.name: s for s in await runner.status()}
    assert status["people"].failure is not None and "record-changed" not in status["people"].failure.topic
    assert "RecordChangedError" in status["people"].failure.error


async def test_a_stopped_projection_goes_on_after_its_rebuild(
    store: EventStore, pool: Any, runner: Runner, database: Database
) -> None:
    story = Story()
    case = given.received(story, "first")
    assert await runner.wait_for(await given.write(store, story.facts), timeout=30)
    await pool.execute("DELETE FROM projections.progress_v1")

    later = Story(now=story.now)
    later.tell(Case, case, CaseWithdrawn, reason=sealed("changed his mind"))
    position = await given.write(store, later.facts)
    assert not await runner.wait_for(position, names=["progress"], timeout=30)

    await rebuild(store, database.owner_url, PROJECTIONS["progress"], lambda position, head: None)
    async with runner.listen(case) as changes, asyncio.timeout(30):
        later.tell(Case, case, CaseAccepted, **ACCEPTED)
        position = await given.write(store, later.facts[1:])
        while await changes.get() < position:
            pass
    row = await find_case(pool, case)
    assert row is not None and row.withdrawn_for is not None and row.deadline is not None
    assert (row.position, row.companion) == (position, LI)


async def test_a_lost_connection_is_taken_up_again(
    store: EventStore, pool: Any, runner: Runner, database: Database
) -> None:
    story = given.whole_life()
    middle = len(story.facts) // 2
    assert await runner.wait_for(await given.write(store, story.facts[:middle]), timeout=30)
    superuser = await asyncpg.connect(database.superuser_url)
    try:
        await superuser.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name <> 'peiban' AND pid <> pg_backend_pid()"
        )
    finally:
        await superuser.close()
    assert await runner.wait_for(await given.write(store, story.facts[middle:]), timeout=30)
    assert {status.state for status in await runner.status()} == {"running"}


async def test_the_services_role_may_write_rows_but_make_no_tables(pool: Any) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("CREATE TABLE projections.mine (id int)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await pool.execute("DROP TABLE projections.progress_v1")


ACCEPTED: dict[str, Any] = {
    "promised_days": 6,
    "statutory_days": 10,
    "starts": "2026-09-21",
    "promised_ends": "2026-09-30",
    "statutory_ends": "2026-10-13",
    "calendar": "2026",
}
