"""A small aggregate for tests of the store: a ledger of notes, one of them with a personal value."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

from eventstore import Aggregate, Context, CreatedEvent, Event, EventStore, Outcome, Sealed, UnitOfWork

CONTEXT = Context(
    at=datetime(2026, 3, 2, 9, 30, tzinfo=UTC),
    actor="staff:7d0c1f0e-0000-4000-8000-000000000001",
    principal="staff:7d0c1f0e-0000-4000-8000-000000000001",
    channel="desk",
    office="qd-shinan",
    region="370202",
    cause="command:7d0c1f0e-0000-4000-8000-000000000002",
)


class LedgerOpened(CreatedEvent):
    TOPIC = "test-ledger-opened"

    title: str

    def apply(self, aggregate: Ledger) -> None:
        aggregate.title = self.title


class NoteAdded(Event):
    TOPIC = "test-note-added"

    number: int

    def apply(self, aggregate: Ledger) -> None:
        aggregate.numbers.append(self.number)


class OwnerNamed(Event):
    TOPIC = "test-owner-named"

    owner: Sealed

    def apply(self, aggregate: Ledger) -> None:
        aggregate.owner = self.owner


class Ledger(Aggregate, topic="test-ledger"):
    def blank(self) -> None:
        self.title = ""
        self.numbers: list[int] = []
        self.owner: Sealed | None = None

    @classmethod
    def open(cls, id: UUID, title: str = "notes") -> Ledger:
        return cls.begin(LedgerOpened, CONTEXT, id=id, title=title)

    def note(self, number: int) -> None:
        self.trigger(NoteAdded, CONTEXT, number=number)

    def name_owner(self, owner: Sealed) -> None:
        self.trigger(OwnerNamed, CONTEXT, owner=owner)


async def open_ledger(store: EventStore, title: str = "notes") -> UUID:
    id = uuid4()

    async def decide(work: UnitOfWork) -> dict[str, str]:
        work.add(Ledger.open(id, title))
        return {"id": str(id)}

    await store.execute(uuid4(), decide)
    return id


async def add_note(store: EventStore, id: UUID, number: int, command_id: UUID | None = None) -> Outcome:
    async def decide(work: UnitOfWork) -> dict[str, int]:
        ledger = await work.get(Ledger, id)
        ledger.note(number)
        return {"notes": len(ledger.numbers)}

    return await store.execute(command_id or uuid4(), decide)
