"""Holds the record against what clients were told: nothing lost, nothing doubled, nothing half."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventstore import EventStore, Recorded, verify
from eventstore.connection import connect
from tests.integration.eventstore.ledger import LedgerOpened, NoteAdded, OwnerNamed
from tests.integration.faults.load import Account
from tests.integration.faults.world import KEYS, WHOLE, Order, OwnerGreeted, owner_of, read_tally, tell

Fact = tuple[str, str, int]
"""What, on which ledger, and the number of the command that did it."""


@dataclass(frozen=True)
class Findings:
    """lost: promised and not there. unasked: there more often than promised (also what was refused). head: events."""

    lost: list[Fact]
    unasked: list[Fact]
    head: int


async def check(account: Account, service_url: str) -> Findings:
    """Asserts everything but `lost` and `unasked`, which come back."""
    assert account.wrong == [], account.wrong
    assert account.open() == []
    report = await verify(service_url)
    assert report.first_bad is None
    store = await EventStore.open(service_url, keys=KEYS)
    try:
        record = [recorded for start in range(0, report.head, 1000) for recorded in await store.page(start, 1000)]
        owners = await store.vault.open([r.event.owner["ref"] for r in record if isinstance(r.event, OwnerNamed)])
    finally:
        await store.close()
    assert [recorded.position for recorded in record] == list(range(1, report.head + 1))
    found = [(fact, recorded) for recorded in record if (fact := _fact(recorded, owners))]
    _check_answers(account, found)
    _check_reactions(record)
    await _check_rows(service_url, record, account)
    there = Counter(fact for fact, _ in found)
    promised = Counter(fact for id in account.answers for fact in _facts(account.orders[id]))
    return Findings([*(promised - there).elements()], [*(there - promised).elements()], report.head)


def tell_figures(what: str, account: Account, findings: Findings) -> None:
    """For the closing note: `pytest -s`, or the report of a failed test."""
    print(  # noqa: T201
        f"\n{what}: {len(account.answers)} commands answered, {account.asked_again} of them once more, "
        f"{len(account.refused)} refused, {account.left_open} left open, unsure {dict(account.unsure)}; "
        f"{findings.head} events, {len(findings.lost)} lost, {len(findings.unasked)} doubled",
        flush=True,
    )


def _facts(order: Order) -> list[Fact]:
    if order.kind == "move":
        return [("note", order.ledger, order.number), ("note", order.other, order.number)]
    return [(order.kind, order.ledger, order.number)]


def _fact(recorded: Recorded, owners: dict[str, str | None]) -> Fact | None:
    ledger = str(recorded.originator_id)
    match recorded.event:
        case LedgerOpened(title=title):
            return "open", ledger, int(title)
        case NoteAdded(number=number):
            return "note", ledger, number
        case OwnerNamed(owner=owner):
            value = owners[owner["ref"]]
            assert value is not None, f"no vault entry of {recorded}"
            number = int(value.split()[-1])
            assert value == owner_of(number)
            return "name", ledger, number
    return None


def _check_answers(account: Account, found: list[tuple[Fact, Recorded]]) -> None:
    """Each answer names the position of the command's last event."""
    facts = {recorded.position: fact for fact, recorded in found}
    for id, answer in account.answers.items():
        if answer.position in facts:  # else it is lost, and told as such
            assert facts[answer.position] == _facts(account.orders[id])[-1]


def _check_reactions(record: list[Recorded]) -> None:
    named = Counter((str(r.originator_id), r.originator_version) for r in record if isinstance(r.event, OwnerNamed))
    greeted = Counter((r.event.ledger, r.event.version) for r in record if isinstance(r.event, OwnerGreeted))
    assert greeted == named
    assert set(greeted.values()) <= {1}


async def _check_rows(service_url: str, record: list[Recorded], account: Account) -> None:
    """The read model is what telling the record from its beginning makes; so is what a living follower was told."""
    told = tell({}, ((recorded.originator_id, recorded.hash) for recorded in record))
    connection: Any = await connect(service_url)
    try:
        assert await read_tally(connection) == told
        entries = await connection.fetchval("SELECT count(*) FROM vault.entries")
        answers = {UUID(bytes=row["command_id"].bytes) for row in await connection.fetch(_COMMANDS)}
    finally:
        await connection.close()
    assert entries == sum(isinstance(recorded.event, OwnerNamed) for recorded in record)
    assert {UUID(id) for id in account.answers} <= answers
    assert answers.isdisjoint({UUID(id) for id in account.refused})
    assert account.done is not None
    assert account.done["followed"] == told[WHOLE][1].hex()
    assert (account.done["head"], account.done["told"], account.done["state"]) == (len(record), True, "running")
    assert account.done["refused"] == 0


_COMMANDS = "SELECT command_id FROM peiban_commands"
