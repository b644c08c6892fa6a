"""Reactions follow the record: once each, past refusals, and again after trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import pytest

from cases import commands as c
from cases.catalogue import shipped
from cases.commands import Command
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.handlers import case_handlers
from cases.organisation import OfficeEstablished, StaffAppointed
from cases.permissions import Actor, Role
from cases.policies import Policy, PolicyRunner
from eventstore import EventStore, Place, Recorded
from eventstore.tracking import PostgresTracking
from tests.builders import MONDAY, FilesOf, uid
from tests.database import Database

ROOT = Actor(id="system:setup", roles=frozenset({Role.SYSTEM}), channel="cli")


@pytest.fixture
async def tracking(database: Database) -> AsyncIterator[PostgresTracking]:
    tracking = await PostgresTracking.open(database.service_url)
    yield tracking
    await tracking.close()


@pytest.fixture
def dispatcher(store: EventStore) -> Dispatcher:
    return Dispatcher(store, case_handlers(Directory(), FilesOf("person:x")), shipped(), lambda: MONDAY)


@asynccontextmanager
async def running(runner: PolicyRunner) -> AsyncIterator[None]:
    task = asyncio.create_task(runner.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def establish(dispatcher: Dispatcher, code: str, region: str) -> int:
    office = c.EstablishOffice(code=code, name="审批局", name_en="Bureau", region=region, level="district")
    return (await dispatcher.handle(ROOT, office, uuid4())).position


async def appoint_a_clerk(recorded: Recorded) -> Sequence[Command]:
    """A made-up policy: each new office gets an officer."""
    match recorded.event:
        case OfficeEstablished() as event:
            clerk = uid(f"clerk of {event.code}")
            return [
                c.AppointStaff(
                    office=event.code, staff_id=clerk, name="甲", post="专员", post_en="Officer", roles=["officer"]
                )
            ]
    return []


async def send_off_duty(recorded: Recorded) -> Sequence[Command]:
    match recorded.event:
        case StaffAppointed():
            return [c.SetDuty(staff_id=recorded.originator_id, on_duty=False)]
    return []


async def ask_for_nobody(recorded: Recorded) -> Sequence[Command]:
    return [c.SetDuty(staff_id=UUID(int=0), on_duty=False)]


CLERKS = Policy("offices-get-a-clerk", appoint_a_clerk)


async def topics(store: EventStore) -> list[str]:
    return [recorded.topic for recorded in await store.page(0, 1000)]


async def test_what_was_done_before_a_failure_is_not_done_with_every_new_try(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking
) -> None:
    """A message that was sent is not sent again because the next one cannot be."""
    told: list[str] = []
    failures = 2

    async def tell(recorded: Recorded) -> Sequence[Command]:
        nonlocal failures
        match recorded.event:
            case OfficeEstablished(code="qd-b") if failures:
                failures -= 1
                raise ConnectionError
            case OfficeEstablished() as event:
                told.append(event.code)
        return []

    for code in ("qd-a", "qd-b"):
        last = await establish(dispatcher, code, "370202")
    runner = PolicyRunner(store, dispatcher, [Policy("tells", tell)], tracking=tracking, retry_after=0)
    async with running(runner), asyncio.timeout(15):
        await runner.passed(last)
    assert told == ["qd-a", "qd-b"]
    assert runner.retried["tells"] == 2


async def test_a_reaction_may_cause_another(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking
) -> None:
    runner = PolicyRunner(store, dispatcher, [CLERKS, Policy("off-duty", send_off_duty)], tracking=tracking)
    async with running(runner):
        await runner.passed(await establish(dispatcher, "qd", "3702"))
        await runner.passed(await store.head())
        await runner.passed(await store.head())
    assert await topics(store) == ["office-established", "staff-appointed", "duty-set"]


async def test_a_policy_that_lost_its_place_reacts_no_second_time(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking, database: Database
) -> None:
    position = await establish(dispatcher, "qd", "3702")
    first = PolicyRunner(store, dispatcher, [CLERKS], tracking=tracking)
    async with running(first):
        await first.passed(position)
    forgetful = PolicyRunner(store, dispatcher, [CLERKS], tracking=Forgetful())
    async with running(forgetful):
        await forgetful.passed(position)
    assert await topics(store) == ["office-established", "staff-appointed"]
    assert forgetful.refused.total() == 0


async def test_a_policy_goes_on_from_where_it_stopped(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking
) -> None:
    seen: list[int] = []

    async def watch(recorded: Recorded) -> Sequence[Command]:
        seen.append(recorded.position)
        return []

    for code, region in (("qd", "3702"), ("qd-shinan", "370202")):
        runner = PolicyRunner(store, dispatcher, [Policy("watch", watch)], tracking=tracking)
        async with running(runner):
            await runner.passed(await establish(dispatcher, code, region))
    assert seen == [1, 2]


async def test_a_refused_reaction_is_counted_and_passed_over(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking
) -> None:
    runner = PolicyRunner(store, dispatcher, [Policy("nobody", ask_for_nobody), CLERKS], tracking=tracking)
    async with running(runner):
        await runner.passed(await establish(dispatcher, "qd", "3702"))
    assert runner.refused["nobody"] >= 1
    assert runner.retried.total() == 0
    assert "staff-appointed" in await topics(store)


async def test_a_reaction_that_breaks_is_tried_again_and_holds_nobody_up(
    store: EventStore, dispatcher: Dispatcher, tracking: PostgresTracking
) -> None:
    attempts: list[int] = []

    async def breaks_twice(recorded: Recorded) -> Sequence[Command]:
        attempts.append(recorded.position)
        if len(attempts) < 3:
            raise ConnectionResetError
        return []

    policies = [Policy("shaky", breaks_twice), CLERKS]
    runner = PolicyRunner(store, dispatcher, policies, tracking=tracking, retry_after=0)
    async with running(runner):
        await runner.passed(await establish(dispatcher, "qd", "3702"))
    assert attempts[:3] == [1, 1, 1]
    assert runner.retried["shaky"] == 2
    assert "staff-appointed" in await topics(store)


async def test_a_place_is_never_moved_back(tracking: PostgresTracking) -> None:
    await tracking.set("policy", Place(7, b"\7" * 32))
    await tracking.set("policy", Place(3, b"\3" * 32))
    assert await tracking.get("policy") == Place(7, b"\7" * 32)
    assert await tracking.get("another") == Place()


class Forgetful:
    """A place that was lost, as after a restore of an older backup."""

    async def get(self, name: str) -> Place:
        return Place()

    async def set(self, name: str, place: Place) -> None:
        return None
