"""A log over a record: its key, a notary on it, and the ways in which somebody may lie."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from eventstore.checkpoint import Checkpoint, Signer
from eventstore.connection import Connection, connect
from eventstore.evidence import verify
from eventstore.findings import Report
from eventstore.notary import Notary
from tests.database import Database

SIGNER = Signer("peiban.test/record", bytes(range(32)))
KEY = SIGNER.verifier

_FILL = """
WITH head AS (SELECT notification_id AS at FROM peiban_head), fresh AS (
    SELECT h.at + i AS place, gen_random_uuid() AS stream,
           convert_to(format('{"number":%s,"字":"陪办"}', i), 'UTF8') AS state
    FROM head h, generate_series(1, $1::int) AS i
), written AS (
    INSERT INTO peiban_events (notification_id, originator_id, originator_version, topic, state, hash)
    SELECT place, stream, 1, 'test', state,
           peiban_event_hash(decode(repeat('00', 32), 'hex'), stream, 1, 'test', state) FROM fresh
)
UPDATE peiban_head SET notification_id = notification_id + $1
"""


def notary(database: Database, folder: Path, **options: Any) -> Notary:
    return Notary(lambda: connect(database.service_url), SIGNER, folder / "log", **options)


async def checkpointed(database: Database, folder: Path, **options: Any) -> Checkpoint | None:
    """By a notary that has just been started, and is stopped afterwards."""
    fresh = notary(database, folder, **options)
    try:
        return await fresh.checkpoint_now()
    finally:
        await fresh.close()


async def fill(database: Database, count: int) -> None:
    """Events of streams of their own, put in by the owner: the quickest way to a long record."""
    connection: Connection = await connect(database.owner_url)
    await connection.execute(_FILL, count)
    await connection.close()


@contextmanager
def unguarded(database: Database) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """What only a superuser can do, and only after having taken the guards away."""
    tables = ("peiban_events", "peiban_checkpoints", "peiban_tiles", "peiban_witnessed")
    with psycopg.connect(database.superuser_url) as connection:
        for table in tables:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER append_only".encode())
        yield connection
        for table in tables:
            connection.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only".encode())


def tamper(database: Database, statement: str) -> None:
    with unguarded(database) as connection:
        connection.execute(statement.encode())


def rewrite(database: Database, position: int) -> None:
    """Changes one event and then everything that depends on it, so that the record agrees with itself again."""
    with unguarded(database) as connection:
        connection.execute(
            b"UPDATE peiban_events SET state = state || ' ' WHERE notification_id = %s",
            (position,),
        )
        connection.execute(
            b"DO $$ DECLARE e record; before bytea; BEGIN"
            b" FOR e IN SELECT * FROM peiban_events ORDER BY notification_id LOOP"
            b"  SELECT p.hash INTO before FROM peiban_events p WHERE p.originator_id = e.originator_id"
            b"   AND p.originator_version = e.originator_version - 1;"
            b"  UPDATE peiban_events SET hash = peiban_event_hash(coalesce(before, decode(repeat('00', 32), 'hex')),"
            b"   e.originator_id, e.originator_version, e.topic, e.state) WHERE notification_id = e.notification_id;"
            b" END LOOP; END $$"
        )


async def checked(database: Database, **options: Any) -> Report:
    return await verify(database.service_url, key=KEY, **options)
