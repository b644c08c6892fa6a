from __future__ import annotations

import asyncio
from dataclasses import replace
from uuid import uuid4

import asyncpg
import pytest
from eventsourcing.persistence import Tracking

from eventstore import (
    BusyError,
    CommandRefusedError,
    EventStore,
    RecordUnavailableError,
    UnitOfWork,
    VaultKeys,
    VersionConflictError,
)
from eventstore.batch import Append, Entry, Guard, Written
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.raw import append, stored, together, until_somebody_waits_for_a_lock, writer


async def test_positions_are_gapless_under_concurrent_commands(store: EventStore) -> None:
    ids = await asyncio.gather(*(open_ledger(store) for _ in range(40)))
    await asyncio.gather(*(add_note(store, id, number) for id in ids for number in range(5)))
    positions = [record.position for record in await store.page(0, 1000)]
    assert positions == list(range(1, 241))
    assert await store.head() == 240


async def test_commands_on_one_aggregate_queue_up_instead_of_failing_each_other(store: EventStore) -> None:
    id = await open_ledger(store)
    outcomes = await asyncio.gather(*(add_note(store, id, number) for number in range(30)))
    assert sorted(outcome.answer["notes"] for outcome in outcomes) == list(range(1, 31))
    assert sorted((await store.get(Ledger, id)).numbers) == list(range(30))


async def test_two_processes_on_one_aggregate_lose_nothing(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    other = await EventStore.open(database.service_url, keys=vault_keys)
    id = await open_ledger(store)
    both = [store, other] * 3
    for _ in range(5):
        results = await asyncio.gather(*(add_note(one, id, 1) for one in both), return_exceptions=True)
        assert all(not isinstance(result, Exception) or isinstance(result, VersionConflictError) for result in results)
    await other.close()
    versions = [record.originator_version for record in await store.events(id)]
    assert versions == list(range(1, len(versions) + 1))


@pytest.mark.parametrize("version", [1, 2, 4])
async def test_a_version_too_low_or_too_high_is_refused(database: Database, version: int) -> None:
    stream = uuid4()
    first = append(stored(stream, 1), stored(stream, 2))
    async with writer(database.service_url) as batch:
        await batch.write(first)
        with pytest.raises(VersionConflictError):
            await batch.write(append(stored(stream, version), previous=first.hashes[-1]))
        assert (await batch.write(append(stored(stream, 3), previous=first.hashes[-1]))).position == 3


async def test_a_new_stream_begins_at_the_beginning(database: Database) -> None:
    async with writer(database.service_url) as batch:
        with pytest.raises(VersionConflictError):
            await batch.write(append(stored(uuid4(), 2)))


async def test_a_command_over_two_streams_is_stored_whole_or_not_at_all(database: Database) -> None:
    taken, free = uuid4(), uuid4()
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(taken, 1)))
        with pytest.raises(VersionConflictError):
            await batch.write(together(append(stored(free, 1)), append(stored(taken, 1))))
        assert (await batch.write(append(stored(free, 1)))).position == 2


async def test_a_unit_of_work_changes_two_aggregates_at_once(store: EventStore) -> None:
    first, second = await open_ledger(store), await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, bool]:
        for id in (first, second):
            (await work.get(Ledger, id)).note(7)
        return {"done": True}

    outcome = await store.execute(uuid4(), decide)
    assert outcome.position == 4
    assert [(await store.get(Ledger, id)).numbers for id in (first, second)] == [[7], [7]]


async def test_an_aggregate_is_one_object_within_a_command(store: EventStore) -> None:
    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, bool]:
        return {"same": await work.get(Ledger, id) is await work.get(Ledger, id)}

    assert (await store.execute(uuid4(), decide)).answer == {"same": True}


async def test_what_a_command_refuses_leaves_nothing_behind(store: EventStore) -> None:
    id = await open_ledger(store)
    command_id = uuid4()

    async def decide(work: UnitOfWork) -> dict[str, bool]:
        (await work.get(Ledger, id)).note(1)
        raise PermissionError

    with pytest.raises(PermissionError):
        await store.execute(command_id, decide)
    assert await store.head() == 1
    assert (await add_note(store, id, 2, command_id)).answer == {"notes": 1}


async def test_queued_commands_on_one_stream_are_written_one_after_the_other(database: Database) -> None:
    stream = uuid4()
    first = append(stored(stream, 1))
    second = append(stored(stream, 2), previous=first.hashes[-1])
    async with writer(database.service_url) as batch:
        results = await asyncio.gather(batch.write(first), batch.write(second), batch.write(append(stored(uuid4(), 1))))
    assert [result.position for result in results] == [1, 3, 2]


async def test_poison_fails_alone_and_its_neighbours_are_stored(database: Database) -> None:
    def poisoned() -> Append:
        good = append(stored(uuid4(), 1))
        entry = Entry(uuid4(), uuid4(), "name\x00", "none", b"", b"")
        return Append(good.command_id, good.answer, good.events, good.hashes, [entry])

    commands = [append(stored(uuid4(), 1)) for _ in range(5)]
    commands[2] = poisoned()
    async with writer(database.service_url) as batch:
        results = await asyncio.gather(*(batch.write(one) for one in commands), return_exceptions=True)
    assert [isinstance(result, CommandRefusedError) for result in results] == [False, False, True, False, False]
    assert sorted(result.position for result in results if not isinstance(result, BaseException)) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "poison",
    [
        replace(append(stored(uuid4(), 1)), answer="\ud83d"),
        replace(append(stored(uuid4(), 1)), tracking=Tracking("follower", 2**63)),
        replace(append(stored(uuid4(), 1)), tracking=Tracking("follower", -1)),
        replace(append(stored(uuid4(), 1)), tracking=Tracking("fol\x00lower", 1)),
        replace(append(stored(uuid4(), 1)), guards=[Guard(uuid4(), 2**63)]),
        replace(append(stored(uuid4(), 1)), answer="no JSON"),
    ],
    ids=["half-a-pair", "place-too-large", "place-below-zero", "nul", "version-too-large", "no-json"],
)
async def test_poison_of_any_kind_fails_alone(database: Database, poison: Append) -> None:
    commands = [append(stored(uuid4(), 1)), poison, append(stored(uuid4(), 1))]
    async with writer(database.service_url) as batch:
        results = await asyncio.gather(*(batch.write(one) for one in commands), return_exceptions=True)
    assert [type(result) for result in results] == [Written, CommandRefusedError, Written]


async def test_a_hash_that_does_not_continue_the_chain_is_refused_by_the_database(database: Database) -> None:
    stream = uuid4()
    async with writer(database.service_url) as batch:
        await batch.write(append(stored(stream, 1)))
        with pytest.raises(CommandRefusedError):
            await batch.write(append(stored(stream, 2), previous=b"\xff" * 32))
        with pytest.raises(CommandRefusedError):
            await batch.write(append(stored(uuid4(), 1), stored(uuid4(), 1)))


async def test_a_hole_inside_a_command_is_refused(database: Database) -> None:
    stream = uuid4()
    async with writer(database.service_url) as batch:
        with pytest.raises(CommandRefusedError):
            await batch.write(append(stored(stream, 1), stored(stream, 3)))


async def test_a_full_queue_answers_busy(database: Database) -> None:
    holder = await asyncpg.connect(database.superuser_url)
    async with writer(database.service_url, max_queue=3, max_batch=1) as batch:
        async with holder.transaction():
            await holder.execute("SELECT FROM peiban_head FOR UPDATE")
            waiting = [asyncio.create_task(batch.write(append(stored(uuid4(), 1))))]
            await until_somebody_waits_for_a_lock(database.superuser_url)
            waiting += [asyncio.create_task(batch.write(append(stored(uuid4(), 1)))) for _ in range(3)]
            await asyncio.sleep(0)
            with pytest.raises(BusyError) as refusal:
                await batch.write(append(stored(uuid4(), 1)))
        assert refusal.value.retry_after > 0
        assert [(await one).position for one in waiting] == [1, 2, 3, 4]
    await holder.close()


async def test_closing_writes_what_is_queued_and_takes_no_more(database: Database) -> None:
    async with writer(database.service_url) as batch:
        queued = [asyncio.create_task(batch.write(append(stored(uuid4(), 1)))) for _ in range(3)]
        await asyncio.sleep(0)
    assert len([await one for one in queued]) == 3
    with pytest.raises(RecordUnavailableError):
        await batch.write(append(stored(uuid4(), 1)))


async def test_whoever_stops_waiting_does_not_stop_the_writer(database: Database) -> None:
    async with writer(database.service_url) as batch:
        given_up = asyncio.create_task(batch.write(append(stored(uuid4(), 1))))
        await asyncio.sleep(0)
        given_up.cancel()
        assert (await batch.write(append(stored(uuid4(), 1)))).position in (1, 2)


async def test_half_a_surrogate_pair_is_a_clear_refusal(store: EventStore) -> None:
    with pytest.raises(CommandRefusedError):
        await open_ledger(store, title="\ud83d")
