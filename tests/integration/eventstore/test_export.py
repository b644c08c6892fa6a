"""What is exported verifies anywhere; no byte of it can be changed, and no line taken out, put in or moved."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
import rfc8785

from eventstore import EventStore
from eventstore.chain import START, event_hash
from eventstore.checkpoint import Checkpoint, Signer, sign_checkpoint
from eventstore.export import NothingRecordedError, encode, export, prove
from eventstore.findings import SENTENCES
from eventstore.merkle import leaf_hash, tree_root
from eventstore.offline import verify_file, verify_stream
from tests.database import Database
from tests.integration.eventstore.exports import WITNESS, line_of, looked_at, made_record, mutations
from tests.integration.eventstore.logs import KEY, SIGNER, checkpointed, fill

MUTATIONS = 10_000


@pytest.fixture
async def record(store: EventStore, database: Database, tmp_path: Path) -> bytes:
    return await made_record(store, database, tmp_path)


async def test_an_exported_record_verifies_without_a_database(record: bytes, tmp_path: Path) -> None:
    report = verify_file(tmp_path / "record.jsonl", key=KEY)
    assert (report.first_bad, report.kind, report.events, report.head, report.streams) == (None, "record", 300, 300, 21)
    assert (report.checkpoints, report.cosignatures, report.vkey) == (3, 1, str(KEY))
    assert (tmp_path / "verify.html").read_text().startswith("<!doctype html>")
    assert {file.name for file in tmp_path.iterdir()} == {"log", "record.jsonl", "verify.html"}  # noqa: ASYNC240


async def test_every_line_is_canonical_json(record: bytes) -> None:
    for line in record.splitlines():
        assert rfc8785.dumps(json.loads(line)) == line


async def test_an_empty_record_is_exported_too(database: Database, tmp_path: Path) -> None:
    assert await export(database.service_url, tmp_path / "empty", KEY) == 0
    assert verify_file(tmp_path / "empty").first_bad is None


async def test_ten_thousand_single_byte_mutations_are_caught_at_their_line(record: bytes) -> None:
    """What is changed in the line of an event names that event; behind a checkpoint's line nothing is looked at."""
    positions = {number: json.loads(line).get("position") for number, line in enumerate(record.splitlines(), 1)}
    for place, altered in mutations(record, MUTATIONS, seed=2026):
        bad = looked_at(altered).first_bad
        assert bad is not None, place
        assert bad.line == line_of(record, place), (place, bad)
        if position := positions[bad.line]:
            assert bad.position == position, (place, bad)


def lines(change: Callable[[list[bytes]], object]) -> Callable[[bytes], bytes]:
    def damage(content: bytes) -> bytes:
        each = content.splitlines(keepends=True)
        change(each)
        return b"".join(each)

    return damage


def swap(each: list[bytes]) -> None:
    each[40], each[41] = each[41], each[40]


DAMAGES = {
    "a line taken out": (lines(lambda each: each.pop(50)), "position-missing", 50, 51),
    "a line doubled": (lines(lambda each: each.insert(50, each[50])), "position-missing", 51, 52),
    "two lines swapped": (lines(swap), "position-missing", 40, 41),
    "an empty line": (lines(lambda each: each.insert(9, b"\n")), "line-broken", 9, 10),
    "the last checkpoint gone": (lines(lambda each: each.pop()), "checkpoint-missing", 223, 304),
    "the end gone": (lines(lambda each: each.__delitem__(slice(-5, None))), "position-missing", 297, 300),
    "cut in the middle of a line": (lambda content: content[:20_000], "line-broken", None, None),
    "something behind the end": (lambda content: content + b"{}\n", "line-broken", 300, 305),
    "a byte order mark": (lambda content: b"\xef\xbb\xbf" + content, "line-broken", 1, 1),
    "nothing": (lambda content: b"", "line-broken", 1, 1),
    "lines of Windows": (lambda content: content.replace(b"\n", b"\r\n"), "line-broken", 1, 1),
    "a checkpoint moved": (lines(lambda each: each.insert(60, each.pop(-1))), "checkpoint-unreadable", 1, 61),
    "brackets without end": (lines(lambda each: each.insert(2, b"[" * 100_000 + b"\n")), "line-broken", 2, 3),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_named_where_it_is(record: bytes, damage: str) -> None:
    change, what, position, line = DAMAGES[damage]
    bad = looked_at(change(record)).first_bad
    assert bad is not None
    assert bad.what == what
    assert position in (None, bad.position)
    assert line in (None, bad.line)


def forged(content: bytes, signer: Signer | None) -> bytes:
    """Event 10 says something else and everything behind it was computed anew; checkpoints too, with a signer."""
    heads: dict[str, bytes] = {}
    leaves: list[bytes] = []
    out = []
    for number, text in enumerate(content.splitlines()):
        line = json.loads(text)
        if "position" in line:
            if line["position"] == 10:
                line["state"] = line["state"].replace("staff", "stuff")
            state = line["state"].encode() if "state" in line else b"\xff\x00not text"
            stream = UUID(line["originator_id"])
            before = heads.get(line["originator_id"], START)
            digest = event_hash(before, stream, line["originator_version"], line["topic"], state)
            heads[line["originator_id"]], line["hash"] = digest, digest.hex()
            leaves.append(leaf_hash(digest))
        elif number and signer:
            line = {"checkpoint": str(sign_checkpoint(signer, len(leaves), tree_root(leaves)))}
        elif not number and signer:
            line |= {"vkey": str(signer.verifier)}
        out.append(rfc8785.dumps(line) + b"\n")
    return b"".join(out)


async def test_a_whole_chain_rewritten_under_old_checkpoints_is_caught(record: bytes) -> None:
    bad = looked_at(forged(record, None)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint) == ("checkpoint-mismatch", 1, 122)


async def test_a_record_signed_by_somebody_else_is_caught_by_whoever_knows_the_key(record: bytes) -> None:
    other = forged(record, Signer(SIGNER.name, bytes(32)))
    assert looked_at(other).first_bad is not None
    report = verify_stream(io.BytesIO(other))
    assert report.first_bad is None, "which is why the expected key should be given"
    assert report.vkey != str(KEY)


async def test_a_record_rewritten_with_the_logs_own_key_is_caught_by_what_a_witness_holds(record: bytes) -> None:
    held = Checkpoint.parse(json.loads(record.splitlines()[-1])["checkpoint"])
    bad = looked_at(forged(record, SIGNER), (held,)).first_bad
    assert bad is not None
    assert (bad.what, bad.checkpoint) == ("checkpoint-mismatch", 300)


async def test_a_record_rolled_back_to_an_older_checkpoint_is_caught_by_a_newer_one(record: bytes) -> None:
    each = record.splitlines(keepends=True)
    held = Checkpoint.parse(json.loads(each[-1])["checkpoint"])
    end = next(number for number, line in enumerate(each) if line.startswith(b'{"checkpoint"')) + 1
    older = b"".join(each[:end]).replace(b'"events":300', b'"events":122')
    assert looked_at(older).first_bad is None, "it is what was exported then"
    bad = looked_at(older, (held,)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint) == ("rolled-back", 123, 300)


# receipts


async def test_a_receipt_proves_one_event(record: bytes, database: Database, tmp_path: Path) -> None:
    for position in (1, 21, 22, 150, 300):
        receipt = await prove(database.service_url, position, KEY, cosigners=[WITNESS.verifier])
        report = looked_at(receipt)
        assert (report.first_bad, report.kind, report.head, report.cosignatures) == (None, "receipt", position, 1)


async def test_no_byte_of_a_receipt_can_be_changed(record: bytes, database: Database) -> None:
    receipt = await prove(database.service_url, 123, KEY, cosigners=[WITNESS.verifier])
    for place, altered in mutations(receipt, 3_000, seed=7):
        assert looked_at(altered).first_bad is not None, place
    assert looked_at(receipt + b"\n").first_bad is not None


async def test_a_receipt_of_another_place_or_key_is_refused(record: bytes, database: Database) -> None:
    receipt = json.loads(await prove(database.service_url, 123, KEY))
    receipt["event"]["position"] = 124
    bad = looked_at(encode(receipt) + b"\n").first_bad
    assert bad is not None
    assert bad.what in {"proof-mismatch", "line-broken"}


@pytest.mark.parametrize("position", [-1, 0, 6, 99])
async def test_what_is_not_recorded_or_not_signed_is_not_proven(
    database: Database, tmp_path: Path, position: int
) -> None:
    await fill(database, 5)
    await checkpointed(database, tmp_path)
    await fill(database, 1)
    with pytest.raises(NothingRecordedError):
        await prove(database.service_url, position, KEY)


def test_every_finding_has_a_sentence_in_both_languages() -> None:
    for zh, en in SENTENCES.values():
        assert zh.endswith("。")
        assert en.endswith(".")
