"""Several processes append at once, on ledgers of their own and on shared ones."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from uuid import UUID

from eventstore import EventStore, Place, verify
from tests.database import ROOT, Database
from tests.integration.eventstore.ledger import Ledger, open_ledger

PROCESSES = 3
NOTES = 90


async def appender(database: Database, shared: list[UUID]) -> Process:
    words = [database.service_url, str(NOTES), *(str(id) for id in shared)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.eventstore.appender", *words, cwd=ROOT, stdin=PIPE, stdout=PIPE
    )
    assert process.stdout is not None
    assert await process.stdout.readline() == b"ready\n"
    return process


async def followed(store: EventStore, last: int) -> list[tuple[int, UUID, int]]:
    seen: list[tuple[int, UUID, int]] = []
    async with store.follow(Place()) as pages:
        async for page in pages:
            seen += [(record.position, record.originator_id, record.originator_version) for record in page]
            if seen[-1][0] >= last:
                break
    return seen


async def test_what_each_process_was_answered_is_what_the_record_and_its_follower_hold(
    store: EventStore, database: Database
) -> None:
    shared = [await open_ledger(store) for _ in range(2)]
    head = len(shared) + PROCESSES + PROCESSES * NOTES
    async with asyncio.timeout(120):
        follower = asyncio.create_task(followed(store, head))
        processes = await asyncio.gather(*(appender(database, shared) for _ in range(PROCESSES)))
        outputs = await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
        seen = await follower
    assert [process.returncode for process in processes] == [0] * PROCESSES
    answered = [json.loads(line) for output, _ in outputs for line in output.splitlines()]

    assert [position for position, _, _ in seen] == list(range(1, head + 1))
    at = {position: stream for position, stream, _ in seen}
    assert all(at[answer["position"]] == UUID(answer["ledger"]) for answer in answered)
    assert len({answer["position"] for answer in answered}) == PROCESSES * NOTES
    for ledger in {UUID(answer["ledger"]) for answer in answered}:
        noted = [answer["number"] for answer in answered if UUID(answer["ledger"]) == ledger]
        assert sorted((await store.get(Ledger, ledger)).numbers) == sorted(noted)
    report = await verify(database.service_url)
    assert (report.events, report.first_bad) == (head, None)
