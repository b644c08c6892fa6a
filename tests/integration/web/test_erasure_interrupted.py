"""An erasure that is torn in the middle: held there by a lock on a table that it needs next, its connection cut."""

from __future__ import annotations

import asyncio
from uuid import UUID

import psycopg
import pytest

from cases.erasure import PersonalDataErased
from tests.database import Database
from tests.integration.web.test_erasure import PHONE, ask, withdrawn
from tests.integration.web.world import Browser, World

Connection = psycopg.AsyncConnection[tuple[object, ...]]
_WAITING = "SELECT pid FROM pg_locks WHERE NOT granted AND relation = %s::regclass"


async def told(world: World, erasure: UUID) -> list[str]:
    return [recorded.topic for recorded in await world.services.store.events(erasure)]


async def waiting(onlooker: Connection, table: str, *, beside: set[object]) -> set[object]:
    """Whoever waits for the table, as soon as somebody does who was not there before."""
    found: set[object] = set()
    async with asyncio.timeout(20):
        while not found:
            found = {pid for (pid,) in await (await onlooker.execute(_WAITING, (table,))).fetchall()} - beside
            await asyncio.sleep(0.02)
    return found


@pytest.mark.parametrize(("table", "keys_gone"), [("web.sessions", False), ("web.files", True)])
async def test_torn_in_the_middle_it_is_carried_out_once_and_told_only_when_it_is_done(
    world: World, browser: Browser, database: Database, table: str, keys_gone: bool
) -> None:
    case = UUID(await withdrawn(world, browser))
    vault = world.services.store.vault
    person = await vault.find("phone", PHONE)
    assert person is not None
    async with (
        world.browser() as first, world.browser() as second,
        await Connection.connect(database.superuser_url) as holder,
        await Connection.connect(database.superuser_url, autocommit=True) as onlooker,
    ):  # fmt: skip
        await first.log_in("administrator")
        await second.log_in("administrator2")
        erasure = UUID((await ask(first))["answer"]["erasure_id"])
        await holder.execute(f"LOCK TABLE {table} IN SHARE MODE".encode())  # may be read, not written
        assert (await second.post(f"/erasures/{erasure}/approve")).status == 200
        torn: set[object] = set()
        for _ in range(2):  # it tries again, and is torn again
            for pid in await waiting(onlooker, table, beside=torn):
                torn.add(pid)
                assert await vault.holds(person, case) is not keys_gone
                assert await told(world, erasure) == ["erasure-requested", "erasure-approved"]
                await onlooker.execute("SELECT pg_terminate_backend(%s)", (pid,))
        await holder.rollback()
    await world.settle()
    assert await told(world, erasure) == ["erasure-requested", "erasure-approved", PersonalDataErased.TOPIC]
    done = (await world.services.store.events(erasure))[-1].event
    assert isinstance(done, PersonalDataErased)
    assert (done.cases, done.forgotten, len(done.files)) == ([str(case)], True, 1)
    assert (done.keys, done.entries > 5) == (3, True)
    assert not await vault.holds(person, case)
    assert world.reacting.retried["approved-erasure-is-carried-out"] >= 2
