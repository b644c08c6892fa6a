"""Aggregates kept between commands: what is old must never decide anything, and nothing unsaved may be kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import asyncpg
import pytest

from eventstore import (
    Aggregate,
    AggregateNotFoundError,
    CommandRefusedError,
    EventStore,
    Outcome,
    UnitOfWork,
    VaultKeys,
    VersionConflictError,
)
from eventstore.cache import AggregateCache, Loaded
from eventstore.connection import connect
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger
from tests.integration.eventstore.raw import until, until_somebody_waits_for_a_lock


class FullError(Exception):
    """A rule of the tests: a ledger takes so many notes."""


@pytest.fixture
async def other(database: Database, vault_keys: VaultKeys) -> AsyncIterator[EventStore]:
    """Another process on the same record."""
    store = await EventStore.open(database.service_url, keys=vault_keys)
    yield store
    await store.close()


async def add_unless_full(
    store: EventStore, id: UUID, number: int, room: int, command_id: UUID | None = None
) -> Outcome:
    async def decide(work: UnitOfWork) -> dict[str, int]:
        ledger = await work.get(Ledger, id)
        if len(ledger.numbers) >= room:
            raise FullError
        ledger.note(number)
        return {"notes": len(ledger.numbers)}

    return await store.execute(command_id or uuid4(), decide)


async def count(store: EventStore, id: UUID, command_id: UUID | None = None) -> int:
    """A command that only reads; its answer is kept like any other."""

    async def decide(work: UnitOfWork) -> dict[str, int]:
        return {"notes": len((await work.get(Ledger, id)).numbers)}

    return int((await store.execute(command_id or uuid4(), decide)).answer["notes"])


async def copy_last(store: EventStore, source: UUID, target: UUID) -> Outcome:
    """Reads one stream and writes another."""

    async def decide(work: UnitOfWork) -> dict[str, int]:
        ledger = await work.get(Ledger, target)
        last = (await work.get(Ledger, source)).numbers[-1]
        ledger.note(last)
        return {"copied": last}

    return await store.execute(uuid4(), decide)


async def numbers(store: EventStore, id: UUID) -> list[int]:
    return (await store.get(Ledger, id)).numbers


# another process has moved on


async def test_an_acceptance_on_what_is_old_is_decided_again(store: EventStore, other: EventStore) -> None:
    id = await open_ledger(store)
    await add_note(other, id, 1)
    assert (await add_note(store, id, 2)).answer == {"notes": 2}
    assert await numbers(store, id) == [1, 2]


async def test_an_acceptance_on_what_is_old_may_become_a_refusal(store: EventStore, other: EventStore) -> None:
    id = await open_ledger(store)
    await add_note(other, id, 1)
    with pytest.raises(FullError):
        await add_unless_full(store, id, 2, room=1)
    assert await numbers(store, id) == [1]


async def test_a_refusal_on_what_is_old_may_become_an_acceptance(store: EventStore, other: EventStore) -> None:
    id, command_id = await open_ledger(store), uuid4()

    async def decide(work: UnitOfWork) -> dict[str, int]:
        ledger = await work.get(Ledger, id)
        if not ledger.numbers:
            raise FullError
        ledger.note(2)
        return {"notes": len(ledger.numbers)}

    await add_note(other, id, 1)
    assert (await store.execute(command_id, decide)).answer == {"notes": 2}


async def test_an_answer_is_never_given_from_what_is_old(store: EventStore, other: EventStore) -> None:
    id = await open_ledger(store)
    await add_note(other, id, 1)
    assert await count(store, id) == 1


async def test_a_stream_that_was_only_read_decides_nothing_when_it_is_old(store: EventStore, other: EventStore) -> None:
    source, target = await open_ledger(store), await open_ledger(store)
    await add_note(store, source, 1)
    await add_note(other, source, 2)
    assert (await copy_last(store, source, target)).answer == {"copied": 2}
    assert await numbers(store, target) == [2]


async def test_what_moves_on_between_reading_and_writing_is_seen(
    store: EventStore, other: EventStore, database: Database
) -> None:
    """Forced: the command has decided and waits behind the head row, under which the other one was let through."""
    source, target = await open_ledger(store), await open_ledger(store)
    await add_note(store, source, 1)
    holder = await asyncpg.connect(database.superuser_url)
    async with holder.transaction():
        await holder.execute("SELECT FROM peiban_head FOR UPDATE")
        moving_on = asyncio.create_task(add_note(other, source, 2))
        await until_somebody_waits_for_a_lock(database.superuser_url)
        copying = asyncio.create_task(copy_last(store, source, target))
        watcher = await connect(database.superuser_url)
        await until(watcher, "SELECT count(*) > 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        await watcher.close()
    await moving_on
    assert (await copying).answer == {"copied": 2}
    await holder.close()


async def test_an_aggregate_that_was_missing_is_looked_for_again(store: EventStore, other: EventStore) -> None:
    id = uuid4()

    async def open_if_there(work: UnitOfWork) -> dict[str, bool]:
        try:
            await work.get(Ledger, id)
        except AggregateNotFoundError:
            if not opened.done():
                await other.execute(uuid4(), open_it)
                opened.set_result(None)
            return {"found": False}
        return {"found": True}

    async def open_it(work: UnitOfWork) -> dict[str, str]:
        work.add(Ledger.open(id))
        return {}

    opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert (await store.execute(uuid4(), open_if_there)).answer == {"found": True}


# several commands of one process


async def test_a_second_stream_is_shared_by_many_commands_and_loses_nothing(store: EventStore) -> None:
    """None of them locks the shared stream: they take it from each other, load it anew, and are refused by version."""
    shared = await open_ledger(store)
    own = [await open_ledger(store) for _ in range(4)]

    async def decide(work: UnitOfWork, id: UUID) -> dict[str, int]:
        (await work.get(Ledger, id)).note(1)
        (await work.get(Ledger, shared)).note(len((await work.get(Ledger, shared)).numbers))
        return {}

    for _ in range(5):
        results = await asyncio.gather(
            *(store.execute(uuid4(), lambda work, id=id: decide(work, id)) for id in own),  # type: ignore[misc]  # mypy cannot type a default
            return_exceptions=True,
        )
        assert all(not isinstance(one, Exception) or isinstance(one, VersionConflictError) for one in results)
    found = await numbers(store, shared)
    assert found == list(range(len(found)))
    assert len(found) == sum([len(await numbers(store, id)) for id in own])


async def test_a_reader_gets_an_object_of_its_own(store: EventStore) -> None:
    id = await open_ledger(store)
    seen = await store.get(Ledger, id)
    seen.numbers.append(99)
    assert (await add_note(store, id, 1)).answer == {"notes": 1}
    assert seen is not await store.get(Ledger, id)


async def test_an_aggregate_of_another_kind_is_not_found_in_the_cache_either(store: EventStore) -> None:
    class Other(Aggregate, topic="test-other-ledger"):
        pass

    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, int]:
        await work.get(Other, id)
        return {}

    with pytest.raises(AggregateNotFoundError):
        await store.execute(uuid4(), decide)
    assert (await add_note(store, id, 1)).answer == {"notes": 1}


# nothing unsaved is kept


async def test_what_a_refused_command_had_changed_is_forgotten(store: EventStore) -> None:
    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, int]:
        (await work.get(Ledger, id)).note(7)
        raise FullError

    with pytest.raises(FullError):
        await store.execute(uuid4(), decide)
    assert (await add_note(store, id, 1)).answer == {"notes": 1}
    assert await numbers(store, id) == [1]


async def test_what_could_not_be_stored_is_forgotten(store: EventStore) -> None:
    id = await open_ledger(store)

    async def decide(work: UnitOfWork) -> dict[str, int]:
        ledger = await work.get(Ledger, id)
        ledger.note(1)
        ledger.name_owner({"ref": "\ud83d", "commitment": ""})
        return {}

    with pytest.raises(CommandRefusedError):
        await store.execute(uuid4(), decide)
    assert (await add_note(store, id, 2)).answer == {"notes": 1}


async def test_what_a_command_had_changed_whose_caller_went_away_is_forgotten(
    store: EventStore, database: Database
) -> None:
    id = await open_ledger(store)
    holder = await asyncpg.connect(database.superuser_url)
    async with holder.transaction():
        await holder.execute("SELECT FROM peiban_head FOR UPDATE")
        leaving = asyncio.create_task(add_note(store, id, 1))
        await until_somebody_waits_for_a_lock(database.superuser_url)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
    await holder.close()
    assert (await add_note(store, id, 2)).answer == {"notes": 2}  # it was stored all the same


# a command that is sent again


async def test_a_retried_command_that_would_be_refused_now_answers_as_the_first_did(
    store: EventStore, other: EventStore
) -> None:
    id, command_id = await open_ledger(store), uuid4()
    first = await add_unless_full(store, id, 1, room=1, command_id=command_id)
    for again in (store, other):
        outcome = await add_unless_full(again, id, 1, room=1, command_id=command_id)
        assert outcome.replayed
        assert (outcome.answer, outcome.position) == (first.answer, first.position) == ({"notes": 1}, 2)
    assert await numbers(store, id) == [1]


async def test_a_retried_command_that_would_be_accepted_again_leaves_no_trace(store: EventStore) -> None:
    id, command_id = await open_ledger(store), uuid4()
    await add_note(store, id, 1, command_id)
    assert (await add_note(store, id, 1, command_id)).replayed
    assert (await add_note(store, id, 2)).answer == {"notes": 2}
    assert await numbers(store, id) == [1, 2]


async def test_a_retried_question_is_answered_as_the_first_time(store: EventStore) -> None:
    id, command_id = await open_ledger(store), uuid4()
    assert await count(store, id, command_id) == 0
    await add_note(store, id, 1)
    assert await count(store, id, command_id) == 0


# the cache itself


def loaded(id: UUID, notes: int) -> Loaded:
    ledger = Ledger.open(id)
    for number in range(notes):
        ledger.note(number)
    ledger.collect_events()
    return Loaded(ledger, ledger.version, bytes(32), 0)


def test_only_what_was_used_last_is_kept() -> None:
    cache = AggregateCache(2)
    ids = [uuid4() for _ in range(3)]
    for id in ids:
        cache.put(loaded(id, 0), cache.generation)
    assert [cache.take(id) is not None for id in ids] == [False, True, True]
    assert len(cache) == 0


def test_what_was_taken_is_nobody_elses() -> None:
    cache = AggregateCache(2)
    id = uuid4()
    cache.put(loaded(id, 0), cache.generation)
    assert cache.take(id) is not None
    assert cache.take(id) is None


def test_the_older_of_two_never_replaces_the_newer() -> None:
    cache = AggregateCache(2)
    id = uuid4()
    cache.put(loaded(id, 2), cache.generation)
    cache.put(loaded(id, 1), cache.generation)
    kept = cache.take(id)
    assert kept is not None
    assert kept.version == 3


def test_after_a_lost_connection_nothing_from_before_comes_back() -> None:
    cache = AggregateCache(2)
    before = cache.generation
    cache.clear()
    cache.put(loaded(uuid4(), 0), before)
    assert len(cache) == 0


def test_a_cache_of_no_size_keeps_nothing() -> None:
    cache = AggregateCache(0)
    cache.put(loaded(uuid4(), 0), cache.generation)
    assert len(cache) == 0


def test_an_event_that_is_not_stored_never_gets_in() -> None:
    ledger = Ledger.open(uuid4())
    with pytest.raises(AssertionError):
        AggregateCache(2).put(Loaded(ledger, 1, bytes(32), 0), 0)
