from __future__ import annotations

import asyncio
from uuid import uuid4

from eventstore import EventStore, UnitOfWork, VaultKeys
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger, add_note, open_ledger


async def test_a_repeated_command_is_answered_as_the_first_time(store: EventStore) -> None:
    id, command_id = await open_ledger(store), uuid4()
    first = await add_note(store, id, 1, command_id)
    await add_note(store, id, 2)
    again = await add_note(store, id, 1, command_id)
    assert (first.replayed, again.replayed) == (False, True)
    assert (again.answer, again.position) == (first.answer, first.position) == ({"notes": 1}, 2)
    assert (await store.get(Ledger, id)).numbers == [1, 2]


async def test_it_is_answered_so_after_a_restart_too(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    id, command_id = await open_ledger(store), uuid4()
    first = await add_note(store, id, 1, command_id)
    restarted = await EventStore.open(database.service_url, keys=vault_keys)
    again = await add_note(restarted, id, 1, command_id)
    await restarted.close()
    assert again.replayed
    assert again.answer == first.answer


async def test_the_same_command_arriving_twice_at_once_happens_once(store: EventStore) -> None:
    id, command_id = await open_ledger(store), uuid4()
    outcomes = await asyncio.gather(*(add_note(store, id, 1, command_id) for _ in range(5)))
    assert {outcome.position for outcome in outcomes} == {2}
    assert [outcome.replayed for outcome in outcomes].count(False) == 1
    assert (await store.get(Ledger, id)).numbers == [1]


async def test_the_same_command_in_two_processes_at_once_happens_once(
    store: EventStore, database: Database, vault_keys: VaultKeys
) -> None:
    """Both decide before either writes; streams of their own, so that only the command's id can tell them apart."""
    other = await EventStore.open(database.service_url, keys=vault_keys)
    command_id = uuid4()
    decided = asyncio.Barrier(2)

    async def decide(work: UnitOfWork) -> dict[str, str]:
        ledger = Ledger.open(uuid4())
        work.add(ledger)
        await decided.wait()
        return {"id": str(ledger.id)}

    try:
        one, two = await asyncio.gather(store.execute(command_id, decide), other.execute(command_id, decide))
    finally:  # also where the claim fails, as the mutations of the SQL see to
        await other.close()
    assert one.answer == two.answer
    assert [one.replayed, two.replayed].count(True) == 1
    assert await store.head() == 1


async def test_a_command_that_writes_nothing_keeps_its_answer(store: EventStore) -> None:
    command_id = uuid4()
    answers = iter([{"seen": "first"}, {"seen": "second"}])

    async def decide(_: UnitOfWork) -> dict[str, str]:
        return next(answers)

    first, again = await store.execute(command_id, decide), await store.execute(command_id, decide)
    assert (first.position, again.position) == (0, 0)
    assert first.answer == again.answer == {"seen": "first"}
    assert again.replayed


async def test_an_answer_may_hold_any_character(store: EventStore) -> None:
    async def decide(_: UnitOfWork) -> dict[str, str]:
        return {"text": "陪办\x00\ud83d'\"\\"}

    assert (await store.execute(uuid4(), decide)).answer == {"text": "陪办\x00\ud83d'\"\\"}
