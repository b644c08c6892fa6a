"""A process that appends: notes on ledgers shared with other processes and on one of its own. Started by a test.

Arguments: the service's database address, how many notes, the shared ledgers' ids. It says "ready", waits for a line,
then prints one JSON line per command that was answered: the ledger, the number noted and the position.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from uuid import UUID

from eventstore import EventStore, Outcome, VaultKeys, VersionConflictError
from tests.integration.eventstore.ledger import add_note, open_ledger


def tell(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def note(store: EventStore, ledger: UUID, number: int) -> Outcome:
    while True:
        try:
            return await add_note(store, ledger, number)
        except VersionConflictError:  # others were quicker four times over; the person would press the button again
            continue


async def main(url: str, count: int, shared: list[UUID]) -> None:
    store = await EventStore.open(url, keys=VaultKeys("kek", kek=bytes(32), index_key=bytes(32)))
    ledgers = [*shared, await open_ledger(store, title=str(os.getpid()))]
    tell("ready")
    await asyncio.to_thread(sys.stdin.readline)
    numbers = [os.getpid() * 1000 + number for number in range(count)]
    plan = [(ledgers[number % len(ledgers)], number) for number in numbers]
    outcomes = await asyncio.gather(*(note(store, ledger, number) for ledger, number in plan))
    for (ledger, number), outcome in zip(plan, outcomes, strict=True):
        tell(json.dumps({"ledger": str(ledger), "number": number, "position": outcome.position}))
    await store.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), [UUID(word) for word in sys.argv[3:]]))
