from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import pytest

from eventstore import EventStore
from projections import PROJECTIONS, RebuildRunningError, Runner, rebuild
from projections.tracking import read_place
from tests.database import Database
from tests.unit.projections import story as given
from tests.unit.projections.story import Story, uid

# By table; "" for all others.
DAMAGES = (
    {"": "DELETE FROM {table}"},
    {
        "": 'UPDATE {table} SET document = document || \'{{"status": "withdrawn", "case_id": null}}\'',
        "timeline_v1": "UPDATE {table} SET actor = 'nobody', facts = '{{}}'",
        "progress_stream_v1": "UPDATE {table} SET case_id = id",
    },
    {"": "DROP TABLE {table}"},
)


async def rows_of(pool: Any, name: str) -> dict[str, list[str]]:
    return {
        table: [
            row["line"]
            for row in await pool.fetch(f"SELECT to_jsonb(t)::text AS line FROM projections.{table} t ORDER BY line")
        ]
        for table in PROJECTIONS[name].tables
    }


def quiet(position: int, head: int) -> None:
    pass


async def two_lives(store: EventStore, runner: Runner) -> None:
    story = given.whole_life()
    given.received(story, "second")
    given.planned(story, "second")
    assert await runner.wait_for(await given.write(store, story.facts), timeout=30)


@pytest.mark.parametrize("name", sorted(PROJECTIONS))
async def test_damaged_rows_are_row_for_row_as_before_once_rebuilt(
    store: EventStore, runner: Runner, pool: Any, database: Database, name: str
) -> None:
    await two_lives(store, runner)
    before = await rows_of(pool, name)
    owner = await asyncpg.connect(database.owner_url)
    try:
        for damage in DAMAGES:
            for table in PROJECTIONS[name].tables:
                await owner.execute(damage.get(table, damage[""]).format(table=f"projections.{table}"))
            heard: list[int] = []
            position = await rebuild(store, database.owner_url, PROJECTIONS[name], lambda at, _: heard.append(at))  # noqa: B023 - called at once
            assert await rows_of(pool, name) == before
            assert heard[-1] == position == await store.head()
        assert await owner.fetchval("SELECT count(*) FROM pg_namespace WHERE nspname LIKE '%rebuild%'") == 0
    finally:
        await owner.close()


async def test_the_service_carries_on_while_a_read_model_is_rebuilt(
    store: EventStore, runner: Runner, pool: Any, database: Database
) -> None:
    async def live() -> int:
        story = Story()
        for number in range(20):
            given.received(story, f"live {number}")
        return await given.write(store, story.facts)

    async def rebuilding() -> None:
        for name in PROJECTIONS:
            await rebuild(store, database.owner_url, PROJECTIONS[name], quiet)

    await two_lives(store, runner)
    position, _ = await asyncio.gather(live(), rebuilding())
    assert await runner.wait_for(position, timeout=30)
    assert {status.state for status in await runner.status()} == {"running"}

    told = {name: await rows_of(pool, name) for name in PROJECTIONS}
    assert len(told["progress"]["progress_v1"]) == 22
    for name in PROJECTIONS:
        await rebuild(store, database.owner_url, PROJECTIONS[name], quiet)
    assert {name: await rows_of(pool, name) for name in PROJECTIONS} == told


async def test_events_that_come_during_a_rebuild_are_in_the_new_rows_or_follow(
    store: EventStore, runner: Runner, pool: Any, database: Database
) -> None:
    """The live model gets ahead of the one that is being built: what readers have seen stays visible."""
    await two_lives(store, runner)
    late = Story()
    given.received(late, "late")
    reached = asyncio.Event()

    class Holding:
        name, version, tables = "progress", 1, PROJECTIONS["progress"].tables

        async def apply(self, connection: Any, page: Any) -> Any:
            if not reached.is_set():  # the head has been read: these events come behind it
                reached.set()
                assert await runner.wait_for(await given.write(store, late.facts), timeout=30)
            return await PROJECTIONS["progress"].apply(connection, page)

    position = await rebuild(store, database.owner_url, Holding(), quiet)
    assert position == await store.head()
    assert await pool.fetchval("SELECT count(*) FROM projections.progress_v1 WHERE id = $1", uid("late")) == 1


async def test_an_interrupted_rebuild_leaves_the_live_rows_and_can_be_repeated(
    store: EventStore, runner: Runner, pool: Any, database: Database
) -> None:
    await two_lives(store, runner)
    before = await rows_of(pool, "agenda")

    def interrupt(position: int, head: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await rebuild(store, database.owner_url, PROJECTIONS["agenda"], interrupt)
    assert await rows_of(pool, "agenda") == before
    await rebuild(store, database.owner_url, PROJECTIONS["agenda"], quiet)
    assert await rows_of(pool, "agenda") == before


async def test_one_read_model_is_rebuilt_by_one_at_a_time(
    store: EventStore, runner: Runner, database: Database
) -> None:
    await two_lives(store, runner)

    class Waiting:
        name, version, tables = "agenda", 1, PROJECTIONS["agenda"].tables

        async def apply(self, connection: Any, page: Any) -> Any:
            with pytest.raises(RebuildRunningError):
                await rebuild(store, database.owner_url, PROJECTIONS["agenda"], quiet)
            return await PROJECTIONS["agenda"].apply(connection, page)

    await rebuild(store, database.owner_url, Waiting(), quiet)


async def test_a_rebuild_counts_in_the_epoch(store: EventStore, runner: Runner, pool: Any, database: Database) -> None:
    await two_lives(store, runner)
    place = await read_place(pool, PROJECTIONS["people"])
    await rebuild(store, database.owner_url, PROJECTIONS["people"], quiet)
    after = await read_place(pool, PROJECTIONS["people"])
    assert (after.position, after.hash, after.epoch) == (place.position, place.hash, place.epoch + 1)
