"""The service that the tests kill, a process of its own: clients, read model, policy and follower on one EventStore.

It speaks JSON lines. Its first line in says where its database is and what is to be asked (again); a second one says
that it shall come to an end. Out goes, each time before anything else happens: `try` (a command is about to be sent),
`answer`, `refused` (nothing was stored), `unsure` (unknown or unavailable, will be asked again), `wrong` (whatever must
never be said) and, when all have caught up, `done`.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid5

import uvloop

from cases.policies import PolicyRunner
from eventstore import (
    BusyError,
    EventStore,
    OutcomeUnknownError,
    Place,
    RecordUnavailableError,
    VersionConflictError,
)
from eventstore.tracking import PostgresTracking
from projections import Runner, open_pool
from tests.integration.faults.world import GREETER, GREETING, KEYS, WHOLE, Greeter, Order, Tally, Told, tell

CLIENTS = 40
HOT = 4
_CATCH_UP_SECONDS = 60.0


def say(**line: Any) -> None:
    os.write(1, json.dumps(line).encode() + b"\n")


class Clients:
    """They send what chance, seeded, lets them send, and ask until they know what became of it."""

    def __init__(self, store: EventStore, seed: str) -> None:
        self._store = store
        self._random = random.Random(seed)
        self._world = uuid5(UUID(int=0), seed)
        self._count = 0
        self.stopped = asyncio.Event()

    async def run(self, again: list[Order]) -> None:
        hot = [self._order("open") for _ in range(HOT)]
        await asyncio.gather(*(self._ask(order) for order in hot))
        async with asyncio.TaskGroup() as group:
            for order in again:
                group.create_task(self._ask(order))
            for _ in range(CLIENTS):
                group.create_task(self._client([order.ledger for order in hot]))

    async def _client(self, hot: list[str]) -> None:
        own = self._order("open")
        await self._ask(own)
        while not self.stopped.is_set():
            match self._random.choices(("open", "own", "name", "hot", "move"), (2, 3, 2, 3, 2))[0]:
                case "open":
                    own = self._order("open")
                    await self._ask(own)
                case "own":
                    await self._ask(self._order("note", own.ledger))
                case "name":
                    await self._ask(self._order("name", own.ledger))
                case "hot":
                    await self._ask(self._order("note", self._random.choice(hot)))
                case "move":
                    await self._ask(self._order("move", *self._random.sample([*hot, own.ledger], 2)))

    def _order(self, kind: Any, ledger: str = "", other: str = "") -> Order:
        self._count += 1
        number = self._random.getrandbits(48)
        id = str(uuid5(self._world, f"command {self._count}"))
        return Order(id, kind, ledger or str(uuid5(self._world, f"ledger {self._count}")), other, number)

    async def _ask(self, order: Order) -> None:
        say(event="try", order=order.fields())
        was_unknown = False
        while True:
            try:
                outcome = await order.send(self._store)
            except (OutcomeUnknownError, RecordUnavailableError, BusyError) as error:
                was_unknown |= isinstance(error, OutcomeUnknownError)
                say(event="unsure", id=order.id, code=error.code)
                await asyncio.sleep(self._random.uniform(0.02, 0.2))
            except VersionConflictError:
                return say(event="refused", id=order.id)
            except Exception as error:
                return say(event="wrong", id=order.id, error=f"{type(error).__name__}: {error}")
            else:
                return say(
                    event="answer", id=order.id, answer=outcome.answer, position=outcome.position,
                    replayed=outcome.replayed, was_unknown=was_unknown,
                )  # fmt: skip


class Follower:
    """Follows from the beginning, through whatever happens, and remembers what it was told."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self._moved = asyncio.Condition()
        self.position = 0
        self.told: Told = {}

    async def run(self) -> None:
        async with self._store.follow(Place()) as pages:
            async for page in pages:
                for recorded in page:
                    if recorded.position != self.position + 1:
                        say(event="wrong", id="", error=f"{recorded.position} was told after {self.position}")
                    self.position = recorded.position
                tell(self.told, ((recorded.originator_id, recorded.hash) for recorded in page))
                async with self._moved:
                    self._moved.notify_all()

    async def passed(self, position: int) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self.position >= position)


async def main() -> None:
    lines: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    _read_orders(lines)
    first = await lines.get()
    async with AsyncExitStack() as stack:
        store = await EventStore.open(first["url"], keys=KEYS)
        stack.push_async_callback(store.close)
        tracking = await PostgresTracking.open(first["url"])
        stack.push_async_callback(tracking.close)
        pool = await open_pool(first["url"], size=3)
        stack.push_async_callback(pool.close)
        clients, follower = Clients(store, first["seed"]), Follower(store)
        policies = PolicyRunner(
            store, Greeter(store).as_dispatcher(), [GREETING], tracking=tracking, retry_after=0.1
        )  # fmt: skip
        runner = await stack.enter_async_context(Runner(store, pool, [Tally()], lambda: datetime.now(UTC)))
        behind = [asyncio.create_task(one) for one in (policies.run(), follower.run())]
        working = asyncio.create_task(clients.run([Order.of(fields) for fields in first["again"]]))
        await lines.get()
        clients.stopped.set()
        await working
        async with asyncio.timeout(_CATCH_UP_SECONDS):
            head = -1
            while head != (head := await store.head()):  # the policy adds to the record itself
                await policies.passed(head)
            await follower.passed(head)
            told = await runner.wait_for(head, timeout=_CATCH_UP_SECONDS)
        (status,) = await runner.status()
        say(
            event="done", head=head, told=told, state=status.state, followed=follower.told[WHOLE][1].hex(),
            refused=policies.refused[GREETER],
        )  # fmt: skip
        for task in behind:
            task.cancel()
        await asyncio.gather(*behind, return_exceptions=True)


def _read_orders(lines: asyncio.Queue[dict[str, Any]]) -> None:
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin:
            loop.call_soon_threadsafe(lines.put_nowait, json.loads(line))
        os._exit(1)  # whoever started us is gone

    threading.Thread(target=read, daemon=True).start()


if __name__ == "__main__":
    uvloop.run(main())
