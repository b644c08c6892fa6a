"""What a command is decided on beside the streams that it writes: streams it only read, and its follower's place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import pytest
from eventsourcing.persistence import Tracking

from eventstore import VersionConflictError
from eventstore.batch import ABSENT, Append, Guard, Written
from tests.database import Database
from tests.integration.eventstore.raw import append, stored, until_somebody_waits_for_a_lock, writer


async def test_a_stream_that_was_read_must_still_stand_where_it_was_read(database: Database) -> None:
    read, free = uuid4(), uuid4()
    first = append(stored(read, 1), stored(read, 2))
    async with writer(database.service_url) as batch:
        await batch.write(first)
        for version in (ABSENT, 0, 1, 3):
            with pytest.raises(VersionConflictError):
                await batch.write(replace(append(stored(free, 1)), guards=[Guard(read, version)]))
        assert (await batch.write(replace(append(stored(free, 1)), guards=[Guard(read, 2)]))).position == 3


async def test_a_stream_that_was_missing_must_still_be_missing(database: Database) -> None:
    from_zero = append(stored(uuid4(), 0))
    async with writer(database.service_url) as batch:
        assert (await batch.write(replace(append(stored(uuid4(), 1)), guards=[Guard(uuid4(), ABSENT)]))).position == 1
        await batch.write(from_zero)
        began_at_zero = from_zero.events[0].originator_id
        assert isinstance(began_at_zero, UUID)
        with pytest.raises(VersionConflictError):
            await batch.write(replace(append(stored(uuid4(), 1)), guards=[Guard(began_at_zero, ABSENT)]))
        await batch.write(replace(append(stored(uuid4(), 1)), guards=[Guard(began_at_zero, 0)]))


async def test_two_commands_that_each_read_what_the_other_writes_are_not_both_accepted(database: Database) -> None:
    """Queued together, each judged on its own by what stood before: both would go through, and neither should."""
    one, two = uuid4(), uuid4()
    async with writer(database.service_url) as batch:
        results = await asyncio.gather(
            batch.write(replace(append(stored(one, 1)), guards=[Guard(two, ABSENT)])),
            batch.write(replace(append(stored(two, 1)), guards=[Guard(one, ABSENT)])),
            return_exceptions=True,
        )
    assert isinstance(results[0], Written)
    assert isinstance(results[1], VersionConflictError)


async def test_a_reader_queued_before_the_writer_is_judged_before_it_and_after_it_otherwise(
    database: Database,
) -> None:
    shared = uuid4()
    first = append(stored(shared, 1))
    change = append(stored(shared, 2), previous=first.hashes[-1])

    def reader(version: int) -> Append:
        return replace(append(stored(uuid4(), 1)), guards=[Guard(shared, version)])

    async with writer(database.service_url) as batch:
        await batch.write(first)
        results = await asyncio.gather(
            *(batch.write(one) for one in (reader(1), reader(1), change, reader(1), reader(2))), return_exceptions=True
        )
    assert [isinstance(result, Written) for result in results] == [True, True, True, False, True]
    positions = [result.position for result in results if isinstance(result, Written)]
    assert positions == [2, 3, 4, 5]  # in the record too, whoever read the old version stands before the new one


async def test_a_place_moves_with_the_command_or_neither_moves(database: Database) -> None:
    taken = uuid4()
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(taken, 1)))

        async def react(stream: UUID, place: int) -> Written:
            return await batch.write(replace(append(stored(stream, 1)), tracking=Tracking("reactions", place)))

        assert (await react(uuid4(), 7)).position == 2
        with pytest.raises(VersionConflictError):  # the stream is taken: the place stays
            await react(taken, 9)
        assert (await react(uuid4(), 8)).position == 3
        for place in (7, 8):  # the place does not move forward: no event
            with pytest.raises(VersionConflictError):
                await react(uuid4(), place)
        assert (await react(uuid4(), 9)).position == 4


async def test_two_commands_of_one_follower_are_taken_one_after_the_other(database: Database) -> None:
    async with writer(database.service_url) as batch:
        results = await asyncio.gather(
            *(
                batch.write(replace(append(stored(uuid4(), 1)), tracking=Tracking("f", place)))
                for place in (1, 2, 2, 3)
            ),
            return_exceptions=True,
        )
    assert [isinstance(result, Written) for result in results] == [True, True, False, True]


async def test_a_place_that_somebody_else_is_moving_is_judged_when_they_are_done(database: Database) -> None:
    """A projection moves its place without the head row, in a transaction held open here."""
    other = await asyncpg.connect(database.service_url)
    async with writer(database.service_url) as batch:
        async with other.transaction():
            await other.execute("INSERT INTO peiban_tracking (name, notification_id) VALUES ('f', 5)")
            mine = asyncio.create_task(batch.write(replace(append(stored(uuid4(), 1)), tracking=Tracking("f", 5))))
            await until_somebody_waits_for_a_lock(database.superuser_url)
        with pytest.raises(VersionConflictError):
            await mine
        assert (await batch.write(append(stored(uuid4(), 1)))).position == 1
    await other.close()
