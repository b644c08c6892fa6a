"""What the killed service works on: ledgers, greetings that a policy adds to them, and a read model that counts both.

Every command bears a number of its own that its events hold, so that the record can be held against the answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast
from uuid import UUID, uuid5

from cases.commands import Command
from cases.dispatch import Dispatcher
from cases.policies import Policy
from eventstore import (
    Aggregate,
    AggregateNotFoundError,
    CreatedEvent,
    Event,
    EventStore,
    Outcome,
    Recorded,
    UnitOfWork,
    VaultKeys,
)
from tests.integration.eventstore.ledger import CONTEXT, Ledger, OwnerNamed

KEYS = VaultKeys("kek-test", kek=bytes(range(32)), index_key=bytes(range(32, 64)))
OWNER = UUID("5f0c6a2e-3a3b-4d7e-9b52-0d7b6a0f1c11")
GREETER = "test-named-owners-are-greeted"


@dataclass(frozen=True)
class Order:
    """One command. open: a new ledger; note: one more on it; name: its owner, sealed; move: a note on two at once."""

    id: str
    kind: Literal["open", "note", "name", "move"]
    ledger: str
    other: str
    number: int

    @classmethod
    def of(cls, fields: Mapping[str, Any]) -> Self:
        return cls(**fields)

    def fields(self) -> dict[str, Any]:
        return asdict(self)

    async def send(self, store: EventStore) -> Outcome:
        return await store.execute(UUID(self.id), self._decide)

    async def _decide(self, work: UnitOfWork) -> dict[str, Any]:
        ledger_id = UUID(self.ledger)
        if self.kind == "open":
            work.add(Ledger.open(ledger_id, str(self.number)))
            return {"opened": self.number}
        ledger = await work.get(Ledger, ledger_id)
        if self.kind == "name":
            ledger.name_owner((await work.seal(OWNER, ledger_id, {"name": owner_of(self.number)}))["name"])
            return {"named": self.number, "notes": len(ledger.numbers)}
        ledger.note(self.number)
        if self.kind == "move":
            (await work.get(Ledger, UUID(self.other))).note(self.number)
        return {"notes": len(ledger.numbers)}


def owner_of(number: int) -> str:
    return f"owner {number}"


class GreetingsOpened(CreatedEvent):
    TOPIC = "test-greetings-opened"

    def apply(self, aggregate: Greetings) -> None: ...


class OwnerGreeted(Event):
    """The policy has reacted to one naming of an owner."""

    TOPIC = "test-owner-greeted"

    ledger: str
    version: int

    def apply(self, aggregate: Greetings) -> None: ...


class Greetings(Aggregate, topic="test-greetings"):
    def greet(self, ledger: str, version: int) -> None:
        self.trigger(OwnerGreeted, CONTEXT, ledger=ledger, version=version)


@dataclass(frozen=True)
class Greet:
    ledger: str
    version: int


class Greeter:
    """Stands where the cases' dispatcher stands: the product's policies bring it their commands."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    async def handle(self, actor: object, command: Greet, command_id: UUID, *, cause: str) -> Outcome:
        id = uuid5(UUID(command.ledger), "greetings")

        async def decide(work: UnitOfWork) -> dict[str, Any]:
            try:
                greetings = await work.get(Greetings, id)
            except AggregateNotFoundError:
                greetings = Greetings.begin(GreetingsOpened, CONTEXT, id=id)
                work.add(greetings)
            greetings.greet(command.ledger, command.version)
            return {}

        return await self._store.execute(command_id, decide)

    def as_dispatcher(self) -> Dispatcher:
        return cast(Dispatcher, self)


async def _greet(recorded: Recorded) -> Sequence[Command]:
    if not isinstance(recorded.event, OwnerNamed):
        return []
    # One stream for all greetings of a ledger: a second reaction would find room there, and be seen.
    return cast(Sequence[Command], [Greet(str(recorded.originator_id), recorded.originator_version)])


GREETING = Policy(GREETER, _greet)


Told = dict[UUID, tuple[int, bytes]]
"""By stream: how many of its events were told, and a hash over theirs in the order in which they were told."""

WHOLE = UUID(int=0)
"""The row that tells the whole record as if it were one stream."""


def tell(told: Told, events: Iterable[tuple[UUID, bytes]]) -> Told:
    """Adds events (stream, hash). Twice, left out or in another order: each gives another result."""
    for stream, digest in events:
        for id in (stream, WHOLE):
            count, before = told.get(id, (0, b""))
            told[id] = (count + 1, hashlib.sha256(before + digest).digest())
    return told


class Tally:
    """The tests' own read model."""

    name, version, tables = "test_tally", 1, ("test_tally_v1",)

    SCHEMA = """
        CREATE TABLE projections.test_tally_v1 (id uuid PRIMARY KEY, events bigint NOT NULL, told bytea NOT NULL);
        GRANT SELECT, INSERT, UPDATE, DELETE ON projections.test_tally_v1 TO peiban_service;
    """

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        ids = {recorded.originator_id for recorded in page} | {WHOLE}
        told = await read_tally(connection, list(ids))
        tell(told, ((recorded.originator_id, recorded.hash) for recorded in page))
        await connection.executemany(
            "INSERT INTO projections.test_tally_v1 VALUES ($1, $2, $3) "
            "ON CONFLICT (id) DO UPDATE SET events = excluded.events, told = excluded.told",
            [(id, *row) for id, row in told.items()],
        )
        return {}


async def read_tally(connection: Any, ids: Sequence[UUID] | None = None) -> Told:
    rows = await connection.fetch(
        "SELECT id, events, told FROM projections.test_tally_v1 WHERE $1::uuid[] IS NULL OR id = ANY ($1)", ids
    )
    return {UUID(bytes=row["id"].bytes): (row["events"], row["told"]) for row in rows}
