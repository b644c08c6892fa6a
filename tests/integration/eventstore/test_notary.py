"""The notary signs what holds, and nothing else; wherever it is killed, nothing wrong stays behind."""

from __future__ import annotations

import asyncio
import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest
from psycopg import errors

from eventstore import EventStore
from eventstore.checkpoint import Checkpoint, SignatureLine, Signer
from eventstore.connection import Connection, connect
from eventstore.errors import RecordUnavailableError
from eventstore.log import TILE, LogTree
from eventstore.merkle import CompactRange, leaf_hash, tree_root, verify_consistency, verify_inclusion
from eventstore.notary import LogUnconfirmedError, Notary, NotaryRefusedError
from tests.database import Database
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.eventstore.logs import KEY, SIGNER, checked, checkpointed, fill, notary, rewrite, tamper


async def hashes(database: Database) -> list[bytes]:
    connection = await connect(database.service_url)
    rows = await connection.fetch("SELECT hash FROM peiban_events ORDER BY notification_id")
    await connection.close()
    return [row["hash"] for row in rows]


async def stored(database: Database) -> list[Checkpoint]:
    connection = await connect(database.service_url)
    rows = await connection.fetch("SELECT note FROM peiban_checkpoints ORDER BY size")
    await connection.close()
    return [Checkpoint.parse(row["note"]) for row in rows]


async def test_an_empty_record_is_not_signed(database: Database, tmp_path: Path) -> None:
    assert await checkpointed(database, tmp_path) is None


async def test_a_checkpoint_covers_every_event_and_is_kept_twice(
    store: EventStore, database: Database, tmp_path: Path
) -> None:
    ledger = await open_ledger(store)
    for number in range(4):
        await add_note(store, ledger, number)
    checkpoint = await checkpointed(database, tmp_path)
    assert checkpoint is not None
    checkpoint.verify(KEY)
    assert (checkpoint.origin, checkpoint.size) == ("peiban.test/record", 5)
    assert checkpoint.root == tree_root([leaf_hash(each) for each in await hashes(database)])
    assert await stored(database) == [checkpoint]
    assert (tmp_path / "log" / "newest").read_text() == str(checkpoint)
    assert await checkpointed(database, tmp_path) == checkpoint, "nothing new, nothing signed"
    assert (await checked(database)).checkpoints == 1


async def test_a_long_record_is_signed_in_steps_and_goes_on_from_its_tiles(database: Database, tmp_path: Path) -> None:
    await fill(database, 66_100)  # a tile of the second level, and more
    await checkpointed(database, tmp_path, batch=9_999)
    await fill(database, 300)
    newest = await checkpointed(database, tmp_path)
    assert newest is not None
    assert newest.root == tree_root([leaf_hash(each) for each in await hashes(database)])
    assert [each.size for each in await stored(database)] == [*range(9_999, 66_100, 9_999), 66_100, 66_400]
    with psycopg.connect(database.service_url) as connection:
        tiles = connection.execute("SELECT level, count(*) FROM peiban_tiles GROUP BY level ORDER BY level").fetchall()
    assert tiles == [(1, 66_400 // TILE), (2, 1)]
    report = await checked(database)
    assert (report.first_bad, report.events, report.checkpoints) == (None, 66_400, 8)


async def test_proofs_are_made_from_tiles_and_events(database: Database, tmp_path: Path) -> None:
    await fill(database, 1_000)
    old = await checkpointed(database, tmp_path)
    await fill(database, 777)
    new = await checkpointed(database, tmp_path)
    assert old is not None
    assert new is not None
    leaves = [leaf_hash(each) for each in await hashes(database)]
    connection = await connect(database.service_url)
    log = LogTree(connection)
    verify_consistency(1_000, 1_777, await log.consistency(1_000, 1_777), old.root, new.root)
    for index in (0, 255, 256, 999, 1_776):
        verify_inclusion(leaves[index], index, 1_777, await log.inclusion(index, 1_777), new.root)
    await connection.close()


async def test_it_signs_by_itself_and_when_many_have_come(database: Database, tmp_path: Path) -> None:
    keeping = notary(database, tmp_path, every=3600, batch=100, look=0.01)
    task = asyncio.create_task(keeping.run())
    await fill(database, 10)
    assert (await keeping.wait_beyond(0)).size == 10, "the first one does not wait for its minute"
    await fill(database, 99)
    await fill(database, 50)
    assert (await keeping.wait_beyond(10)).size in (110, 159)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_two_notaries_of_one_installation_take_turns(database: Database, tmp_path: Path) -> None:
    first, second = notary(database, tmp_path), notary(database, tmp_path)
    for _ in range(5):
        await fill(database, 20)
        one, other = await asyncio.gather(first.checkpoint_now(), second.checkpoint_now())
        assert one == other
    await first.close()
    await second.close()
    assert [each.size for each in await stored(database)] == [20, 40, 60, 80, 100]


class _KilledError(BaseException):
    pass


class _Fuse:
    """A connection that ends the process, as it were, at its n-th statement: before it, or with it done."""

    def __init__(self, connection: Connection, fuse: itertools.count[int], at: int, *, done: bool) -> None:
        self._connection, self._fuse, self._at, self._done = connection, fuse, at, done

    def __getattr__(self, name: str) -> Any:
        inner = getattr(self._connection, name)
        if name not in {"fetch", "execute", "executemany"}:
            return inner

        async def call(*arguments: Any, **options: Any) -> Any:
            last = next(self._fuse) == self._at
            if last and not self._done:
                raise _KilledError
            result = await inner(*arguments, **options)
            if last:
                raise _KilledError
            return result

        return call


@pytest.mark.parametrize("done", [False, True])
async def test_killed_between_any_two_statements_it_goes_on_as_if_nothing_had_been(
    database: Database, tmp_path: Path, done: bool
) -> None:
    for at in itertools.count():
        await fill(database, TILE)
        fuse = itertools.count()

        async def burning(fuse: itertools.count[int] = fuse, at: int = at) -> Any:
            return _Fuse(await connect(database.service_url), fuse, at, done=done)

        doomed = Notary(burning, SIGNER, tmp_path / "log")
        try:
            await doomed.checkpoint_now()
        except _KilledError:
            pass
        else:
            break
        finally:
            await doomed.close()
        checkpoint = await checkpointed(database, tmp_path)
        assert checkpoint is not None
        assert checkpoint.size == TILE * (at + 1)
    assert at > 12
    assert (await checked(database)).first_bad is None


class _ForgetfulNotary(Notary):
    """Ends right after the checkpoint has been signed and kept in the file, before it is stored."""

    async def _sign(self, connection: Connection, *facts: Any) -> None:
        class Deaf:
            async def execute(self, *_: Any, **__: Any) -> None:
                raise _KilledError

        await super()._sign(Deaf(), *facts)


async def test_what_was_signed_but_not_stored_is_stored_later_and_not_signed_over(
    database: Database, tmp_path: Path
) -> None:
    await fill(database, 300)
    forgetful = _ForgetfulNotary(lambda: connect(database.service_url), SIGNER, tmp_path / "log")
    with pytest.raises(_KilledError):
        await forgetful.checkpoint_now()
    signed = (tmp_path / "log" / "newest").read_text()
    assert await stored(database) == []
    await fill(database, 5)
    await checkpointed(database, tmp_path, batch=7)
    first, second = await stored(database)
    assert str(first) == signed
    assert second.size == 305


class _Unconfirmed:
    """A connection whose commit comes back with the warning that waiting for the standby was cut off."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._listen: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def add_log_listener(self, listen: Any) -> None:
        self._listen = listen

    async def execute(self, sql: str, *arguments: Any, **options: Any) -> Any:
        if "pg_logical_emit_message" in sql:
            self._listen(self, SimpleNamespace(sqlstate="01000"))
        return await self._connection.execute(sql, *arguments, **options)


async def test_what_no_standby_has_confirmed_is_not_signed_yet(database: Database, tmp_path: Path) -> None:
    async def connecting() -> Any:
        return _Unconfirmed(await connect(database.service_url))

    await fill(database, 300)
    waiting = Notary(connecting, SIGNER, tmp_path / "log")
    with pytest.raises(LogUnconfirmedError):
        await waiting.checkpoint_now()
    assert waiting.problem is None
    assert await stored(database) == []
    assert not (tmp_path / "log").exists()
    checkpoint = await checkpointed(database, tmp_path)
    assert checkpoint is not None
    assert checkpoint.size == 300


# refusals


async def refused(database: Database, folder: Path) -> str:
    with pytest.raises(NotaryRefusedError) as refusal:
        await checkpointed(database, folder)
    finding = refusal.value.finding
    assert (folder / "log" / "refused").exists()
    return f"{finding.what} {finding.position}"


@pytest.fixture
async def signed(store: EventStore, database: Database, tmp_path: Path) -> Database:
    """Seven events, of which five are signed."""
    first, second = await open_ledger(store), await open_ledger(store)
    for number in range(3):
        await add_note(store, first, number)
    await checkpointed(database, tmp_path)
    await add_note(store, second, 9)
    await add_note(store, first, 9)
    return database


@pytest.mark.parametrize(
    ("statement", "finding"),
    [
        ("UPDATE peiban_events SET state = state || ' ' WHERE notification_id = 6", "hash-mismatch 6"),
        ("UPDATE peiban_events SET topic = 'x' WHERE notification_id = 7", "hash-mismatch 7"),
        ("UPDATE peiban_events SET hash = sha256(hash) WHERE notification_id = 7", "hash-mismatch 7"),
        ("DELETE FROM peiban_events WHERE notification_id = 6", "position-missing 6"),
        ("DELETE FROM peiban_events WHERE notification_id = 7", "position-missing 7"),
        ("UPDATE peiban_events SET originator_version = 9 WHERE notification_id = 7", "stream-broken 7"),
        ("UPDATE peiban_events SET hash = sha256(hash) WHERE notification_id = 5", "checkpoint-mismatch 1"),
        ("DELETE FROM peiban_events WHERE notification_id = 5", "position-missing 5"),
        ("DELETE FROM peiban_events WHERE notification_id > 3; UPDATE peiban_head SET notification_id = 3",
         "rolled-back 4"),
        ("UPDATE peiban_checkpoints SET root = sha256(root)", "checkpoint-unreadable 1"),
        ("UPDATE peiban_checkpoints SET note = replace(note, 'AAA', 'BBB') || 'x'", "checkpoint-signature 1"),
        ("DELETE FROM peiban_checkpoints; UPDATE peiban_events SET hash = sha256(hash) WHERE notification_id = 2",
         "hash-mismatch 2"),
    ],
)  # fmt: skip
async def test_what_does_not_hold_is_not_signed(signed: Database, tmp_path: Path, statement: str, finding: str) -> None:
    before = (tmp_path / "log" / "newest").read_text()
    tamper(signed, statement)
    assert await refused(signed, tmp_path) == finding
    assert (tmp_path / "log" / "newest").read_text() == before


async def test_a_record_rewritten_as_a_whole_is_not_signed(signed: Database, tmp_path: Path) -> None:
    """Chain and hashes agree again, and the checkpoints are gone from the table: the notary's own file remembers."""
    rewrite(signed, 1)
    tamper(signed, "DELETE FROM peiban_checkpoints")
    assert await refused(signed, tmp_path) == "checkpoint-mismatch 1"


async def test_a_refusal_lasts_until_a_person_has_looked(signed: Database, tmp_path: Path) -> None:
    tamper(signed, "UPDATE peiban_events SET topic = 'x' WHERE notification_id = 7")
    await refused(signed, tmp_path)
    tamper(signed, "UPDATE peiban_events SET topic = 'test-note-added' WHERE notification_id = 7")
    again = notary(signed, tmp_path, look=0.01)
    assert again.problem is not None
    assert (again.problem.what, again.problem.position, again.problem.topic) == ("hash-mismatch", 7, "x")
    with pytest.raises(NotaryRefusedError):
        await again.checkpoint_now()
    task = asyncio.create_task(again.run())
    (tmp_path / "log" / "refused").unlink()
    assert (await again.wait_beyond(5)).size == 7
    assert again.problem is None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


class _FlippingSigner(Signer):
    """Signs something else than it is given: a bit was lost on the way."""

    def sign(self, body: str) -> SignatureLine:
        return super().sign(body.replace("7", "6", 1))


class _FlippingRange(CompactRange):
    def copy(self) -> CompactRange:
        return _FlippingRange(self.size, self._roots)

    def root(self) -> bytes:
        root = super().root()
        return bytes([root[0] ^ 1]) + root[1:] if self.size > 5 else root


async def test_a_bit_that_flips_before_the_signature_is_noticed(signed: Database, tmp_path: Path) -> None:
    signer = _FlippingSigner(SIGNER.name, SIGNER.seed)
    one = Notary(lambda: connect(signed.service_url), signer, tmp_path / "log")
    with pytest.raises(NotaryRefusedError, match="flip"):
        await one.checkpoint_now()
    (tmp_path / "log" / "refused").unlink()
    other = notary(signed, tmp_path)
    await other._behind()
    connection = await connect(signed.service_url)
    tree = await LogTree(connection).range(5)
    other._tree = _FlippingRange(5, tree._roots)
    with pytest.raises(NotaryRefusedError, match="flip"):
        await other.checkpoint_now()
    assert len(await stored(signed)) == 1
    await connection.close()


async def test_a_tile_that_was_altered_is_noticed(database: Database, tmp_path: Path) -> None:
    await fill(database, 600)
    await checkpointed(database, tmp_path)
    tamper(database, "UPDATE peiban_tiles SET hash = sha256(hash) WHERE number = 1")
    report = await checked(database)
    assert report.first_bad is not None
    assert (report.first_bad.what, report.first_bad.position) == ("tile-mismatch", 257)
    await fill(database, 1)
    assert await refused(database, tmp_path) == "checkpoint-mismatch 1"


async def test_a_database_that_is_away_is_told_and_waited_for(database: Database, tmp_path: Path) -> None:
    async def nowhere() -> Connection:
        return await connect("postgresql://nobody@127.0.0.1:1/none")

    lost = Notary(nowhere, SIGNER, tmp_path / "log")
    with pytest.raises(RecordUnavailableError):
        await lost.checkpoint_now()
    assert lost.problem is None


@pytest.mark.parametrize("table", ["peiban_checkpoints", "peiban_tiles", "peiban_witnessed"])
@pytest.mark.parametrize("statement", ["UPDATE {} SET {}", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_the_logs_tables_can_only_be_added_to(
    database: Database, tmp_path: Path, table: str, statement: str
) -> None:
    column = {"peiban_checkpoints": "size = 1", "peiban_tiles": "level = 1", "peiban_witnessed": "size = 1"}[table]
    for url in (database.service_url, database.owner_url, database.superuser_url):
        with psycopg.connect(url) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.format(table, column).encode())
