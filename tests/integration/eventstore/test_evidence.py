from __future__ import annotations

from pathlib import Path

import pytest

from eventstore import EventStore, verify
from eventstore.checkpoint import Signer
from eventstore.evidence import Kept
from tests.database import Database
from tests.integration.eventstore.exports import WITNESS, witnessed
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.eventstore.logs import KEY, checked, checkpointed, fill, rewrite, tamper


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


# what was signed


@pytest.fixture
async def signed(record: Database, tmp_path: Path) -> Database:
    """The seven events under one checkpoint, then 300 more under another that was cosigned, then three under none."""
    await checkpointed(record, tmp_path)
    await fill(record, 300)
    newest = await checkpointed(record, tmp_path)
    assert newest is not None
    await witnessed(record, newest)
    await fill(record, 3)
    return record


async def test_a_signed_record_is_sound(signed: Database) -> None:
    report = await checked(signed, cosigners=[WITNESS.verifier])
    assert (report.events, report.checkpoints, report.first_bad) == (310, 2, None)


@pytest.mark.parametrize(
    ("statement", "what", "position", "checkpoint"),
    [
        ("UPDATE peiban_checkpoints SET note = 'x' WHERE size = 307", "checkpoint-unreadable", 8, 307),
        ("UPDATE peiban_checkpoints SET root = sha256(root) WHERE size = 7", "checkpoint-unreadable", 1, 7),
        ("UPDATE peiban_checkpoints SET note = overlay(note PLACING 'AAAA' FROM length(note) - 20)"
         " WHERE size = 307", "checkpoint-signature", 8, 307),
        ("UPDATE peiban_witnessed SET cosignatures = overlay(cosignatures PLACING 'AAAA'"
         " FROM length(cosignatures) - 20)", "checkpoint-signature", 8, 307),
        ("UPDATE peiban_tiles SET hash = sha256(hash)", "tile-mismatch", 1, None),
        ("DELETE FROM peiban_tiles", "tile-mismatch", 1, None),
        ("DELETE FROM peiban_events WHERE notification_id > 300; UPDATE peiban_head SET notification_id = 300",
         "rolled-back", 301, 307),
    ],
)  # fmt: skip
async def test_a_log_that_was_tampered_with_is_named(
    signed: Database, statement: str, what: str, position: int, checkpoint: int | None
) -> None:
    tamper(signed, statement)
    bad = (await checked(signed, cosigners=[WITNESS.verifier])).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint) == (what, position, checkpoint)


@pytest.mark.parametrize(("position", "named", "checkpoint"), [(3, 1, 7), (40, 8, 307)])
async def test_a_record_rewritten_as_a_whole_is_named_by_the_first_checkpoint_that_does_not_fit(
    signed: Database, position: int, named: int, checkpoint: int
) -> None:
    rewrite(signed, position)
    bad = (await checked(signed)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint) == ("checkpoint-mismatch", named, checkpoint)


async def test_what_no_checkpoint_covers_yet_can_only_be_rewritten_until_the_next_one(signed: Database) -> None:
    rewrite(signed, 309)
    assert (await checked(signed)).first_bad is None


async def test_a_checkpoint_of_another_log_is_not_ours(signed: Database, tmp_path: Path) -> None:
    other = Signer("other.test/record", bytes(32)).verifier
    bad = (await verify(signed.service_url, key=other)).first_bad
    assert bad is not None
    assert (bad.what, bad.checkpoint) == ("checkpoint-signature", 7)
    assert (await verify(signed.service_url)).first_bad is None


async def test_what_somebody_else_keeps_counts_like_what_is_stored(signed: Database, tmp_path: Path) -> None:
    newest = await checkpointed(signed, tmp_path)
    assert newest is not None
    tamper(signed, "DELETE FROM peiban_witnessed; DELETE FROM peiban_checkpoints")
    assert (await checked(signed, kept=[Kept("elsewhere", newest)])).checkpoints == 1
    rewrite(signed, 2)
    bad = (await checked(signed, kept=[Kept("elsewhere", newest)])).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint, bad.source) == ("checkpoint-mismatch", 1, 310, "elsewhere")
    assert "elsewhere" in bad.place
    assert KEY.name == newest.origin
