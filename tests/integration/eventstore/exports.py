"""An exported record of some hundred events of many streams, and the ways in which a file is damaged."""

from __future__ import annotations

import io
import random
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from eventstore import EventStore
from eventstore.checkpoint import WITNESS_KEY, Checkpoint, Signer
from eventstore.connection import connect
from eventstore.export import export
from eventstore.offline import FileReport, verify_stream
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.eventstore.logs import KEY, checkpointed
from tests.integration.eventstore.raw import append, stored, writer

_BINARY = UUID("00000000-0000-4000-8000-0000000000ff")
WITNESS = Signer("witness.test/w1", bytes(range(1, 33)), WITNESS_KEY)


async def made_record(store: EventStore, database: Database, folder: Path, *, events: int = 300) -> bytes:
    """Text of all kinds, one state that is not text, a checkpoint every hundred events, the last one cosigned."""
    chance = random.Random(7)
    ledgers = [await open_ledger(store, f'陪办 “{number}” \\ \n\t\u2028 "') for number in range(20)]
    async with writer(database.service_url) as raw:
        await raw.write(append(stored(_BINARY, 0, b"\xff\x00not text", "binary"), stored(_BINARY, 1, b"")))
    for number in range(events - 22):
        await add_note(store, chance.choice(ledgers), number)
        if number % 100 == 99:
            await checkpointed(database, folder)
    newest = await checkpointed(database, folder)
    assert newest is not None
    await witnessed(database, newest)
    target = folder / "record.jsonl"
    assert await export(database.service_url, target, KEY, cosigners=[WITNESS.verifier]) == events
    return target.read_bytes()


async def witnessed(database: Database, checkpoint: Checkpoint) -> None:
    connection = await connect(database.service_url)
    line = WITNESS.cosign(checkpoint.body, int(time.time()))
    await connection.execute(
        "INSERT INTO peiban_witnessed VALUES ($1, $2, $3)", checkpoint.size, WITNESS.name, str(line)
    )
    await connection.close()


def looked_at(content: bytes, newer: tuple[Checkpoint, ...] = ()) -> FileReport:
    return verify_stream(io.BytesIO(content), key=KEY, newer=newer)


def mutations(content: bytes, count: int, seed: int) -> Iterator[tuple[int, bytes]]:
    """One byte at a random place set to another value."""
    chance = random.Random(seed)
    for _ in range(count):
        place = chance.randrange(len(content))
        altered = bytearray(content)
        altered[place] ^= chance.randrange(1, 256)
        yield place, bytes(altered)


def line_of(content: bytes, place: int) -> int:
    return content.count(b"\n", 0, place) + 1
