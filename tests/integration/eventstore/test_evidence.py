from __future__ import annotations

import psycopg
import pytest

from eventstore import EventStore, verify
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger


def tamper(database: Database, statement: str) -> None:
    """What only the owner can do, and only after having taken the guard away."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("ALTER TABLE peiban_events DISABLE TRIGGER append_only")
        connection.execute(statement.encode())
        connection.execute("ALTER TABLE peiban_events ENABLE ALWAYS TRIGGER append_only")


@pytest.fixture
async def record(store: EventStore, database: Database) -> Database:
    """Two streams, seven events: 1 opens A, 2 opens B, then notes on A (3, 5, 7) and B (4, 6)."""
    first, second = await open_ledger(store), await open_ledger(store)
    for number, id in enumerate([first, second, first, second, first], 3):
        await add_note(store, id, number)
    return database


async def test_an_empty_record_is_sound(database: Database) -> None:
    report = await verify(database.service_url)
    assert (report.events, report.streams, report.head, report.first_bad) == (0, 0, 0, None)


async def test_a_sound_record_is_counted(record: Database) -> None:
    report = await verify(record.service_url)
    assert (report.events, report.streams, report.head, report.first_bad) == (7, 2, 7, None)


@pytest.mark.parametrize(
    ("statement", "what", "position"),
    [
        ("UPDATE peiban_events SET state = state || ' ' WHERE notification_id = 4", "hash-mismatch", 4),
        ("UPDATE peiban_events SET topic = 'test-note-removed' WHERE notification_id = 5", "hash-mismatch", 5),
        ("UPDATE peiban_events SET hash = sha256(hash) WHERE notification_id = 3", "hash-mismatch", 3),
        ("UPDATE peiban_events SET originator_id = gen_random_uuid() WHERE notification_id = 2", "hash-mismatch", 2),
        ("DELETE FROM peiban_events WHERE notification_id = 1", "position-missing", 1),
        ("DELETE FROM peiban_events WHERE notification_id = 6", "position-missing", 6),
        ("DELETE FROM peiban_events WHERE notification_id = 7", "position-missing", 7),
        ("UPDATE peiban_head SET notification_id = 6", "head-mismatch", 7),
        ("UPDATE peiban_events SET originator_version = 9 WHERE notification_id = 6", "stream-broken", 6),
        (
            "UPDATE peiban_events SET notification_id = 99 WHERE notification_id = 3;"
            "UPDATE peiban_events SET notification_id = 3 WHERE notification_id = 5;"
            "UPDATE peiban_events SET notification_id = 5 WHERE notification_id = 99",
            "order-broken",
            3,
        ),
    ],
)
async def test_the_first_bad_event_is_named(record: Database, statement: str, what: str, position: int) -> None:
    tamper(record, statement)
    bad = (await verify(record.service_url)).first_bad
    assert bad is not None
    assert (bad.what, bad.position) == (what, position)
    assert "。" in bad.zh


async def test_an_event_slipped_in_with_a_hash_of_its_own_breaks_the_next_link(record: Database) -> None:
    tamper(
        record,
        "UPDATE peiban_events e SET state = '{}', hash = peiban_event_hash("
        " (SELECT b.hash FROM peiban_events b WHERE b.notification_id = 1),"
        " e.originator_id, e.originator_version, e.topic, '{}') WHERE e.notification_id = 3",
    )
    bad = (await verify(record.service_url)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.originator_version) == ("hash-mismatch", 5, 3)
