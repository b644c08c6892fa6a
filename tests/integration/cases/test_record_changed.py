"""A failover lost positions, and others use them now: followers notice instead of going on in another record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest

from cases import commands as c
from cases.catalogue import shipped
from cases.commands import Command
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.handlers import case_handlers
from cases.permissions import Actor, Role
from cases.policies import Policy, PolicyRunner
from eventstore import EventStore, Recorded
from eventstore.tracking import PostgresTracking
from tests.builders import MONDAY, FilesOf
from tests.database import Database
from tests.integration.eventstore.test_follow import lose

ROOT = Actor(id="system:setup", roles=frozenset({Role.SYSTEM}), channel="cli")


@asynccontextmanager
async def going_on(task: asyncio.Task[None]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def establish(store: EventStore, code: str, region: str) -> None:
    """By a service that was started after the failover."""
    dispatcher = Dispatcher(store, case_handlers(Directory(), FilesOf("person:x")), shipped(), lambda: MONDAY)
    office = c.EstablishOffice(code=code, name="审批局", name_en="Bureau", region=region, level="district")
    await dispatcher.handle(ROOT, office, uuid4())


async def test_the_directory_is_read_anew(store: EventStore, database: Database) -> None:
    await establish(store, "qd-shinan", "370202")
    await establish(store, "qd-shibei", "370203")
    directory = Directory()
    await directory.load(store)
    await lose(database, behind=1)
    await establish(store, "qd-licang", "370213")
    async with asyncio.timeout(20), going_on(asyncio.create_task(directory.keep(store))):
        await establish(store, "qd-laoshan", "370212")
        while directory.position < 3:  # noqa: ASYNC110 - an in-memory follower: it tells nobody
            await asyncio.sleep(0.005)
    assert [office.code for office in directory.offices()] == ["qd-shinan", "qd-laoshan", "qd-licang"]


async def test_a_policy_stands_still_and_says_so(
    store: EventStore, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    reacted: list[int] = []

    async def react(recorded: Recorded) -> Sequence[Command]:
        reacted.append(recorded.position)
        return []

    tracking = await PostgresTracking.open(database.service_url)
    await establish(store, "qd-shinan", "370202")
    await establish(store, "qd-shibei", "370203")
    await tracking.set("reader", await store.place())
    await lose(database, behind=1)
    for code, region in (("qd-licang", "370213"), ("qd-laoshan", "370212")):
        await establish(store, code, region)
    dispatcher = Dispatcher(store, case_handlers(Directory(), FilesOf("person:x")), shipped(), lambda: MONDAY)
    runner = PolicyRunner(store, dispatcher, [Policy("reader", react)], tracking=tracking, retry_after=0.01)
    async with asyncio.timeout(20), going_on(asyncio.create_task(runner.run())):
        while runner.retried["reader"] < 3:  # noqa: ASYNC110 - a counter for the metrics, nothing to await
            await asyncio.sleep(0.005)
    assert reacted == []
    assert "RecordChangedError" in caplog.text
    assert (await tracking.get("reader")).position == 2
    await tracking.close()
