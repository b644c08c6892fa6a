"""Long runs for whoever wants them before a release: `make deep`."""

from __future__ import annotations

import asyncio
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventstore import EventStore
from eventstore.evidence import verify
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.unit.inspection import test_room as rooms

pytestmark = pytest.mark.deep

WRITERS, COMMANDS = 64, 20_000


async def test_twenty_thousand_commands_of_many_writers_leave_one_gapless_chained_record(
    store: EventStore, database: Database
) -> None:
    ledgers = [await open_ledger(store) for _ in range(WRITERS * 4)]
    numbers = count()

    async def write() -> None:
        while (number := next(numbers)) < COMMANDS:
            await add_note(store, ledgers[number % len(ledgers)], number)

    async with asyncio.TaskGroup() as group:
        for _ in range(WRITERS):
            group.create_task(write())
    report = await verify(database.owner_url)
    assert report.first_bad is None
    assert report.events == report.head == COMMANDS + len(ledgers)


def test_ten_thousand_rooms_never_record_too_early() -> None:
    rule = rooms.test_nothing_is_ever_recorded_before_the_notice_is_accepted_and_the_inspection_runs
    inner = rule.hypothesis.inner_test  # type: ignore[attr-defined]  # hypothesis puts it there
    happenings = st.lists(st.tuples(rooms.inputs, st.floats(0, 700)), max_size=40)
    settings(max_examples=10_000, deadline=None)(given(rooms.facts, happenings)(inner))()
