"""Signs checkpoints of the record, and verifies before it signs.

Every event is hashed anew by a path of this file's own, its link and its order are checked, the root is computed twice
and everything that was ever signed has to be a beginning of it. What does not fit is never signed over: the notary
refuses, says so, and stays silent until a person has looked.

The steps of a round, each of which may be the last one before a kill: tiles are stored and confirmed by whatever
standby there is; the checkpoint is signed and kept in a file; it is stored. A round that is begun again finds the same.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from struct import Struct
from typing import Any, NoReturn
from uuid import UUID

from eventstore.checkpoint import Checkpoint, NoteError, Signer, sign_checkpoint
from eventstore.connection import LOST, STATEMENT_SECONDS, Connection, Row, telling_unavailable
from eventstore.errors import EventStoreError, RecordUnavailableError
from eventstore.findings import Finding
from eventstore.log import LEVELS, TILE, TILE_BITS, LogIncompleteError, LogTree
from eventstore.merkle import CompactRange, Node, ProofError, leaf_hash, tree_root, verify_consistency

logger = logging.getLogger(__name__)

_PAGE = 500  # a few milliseconds of hashing, between which the service's other tasks run
_AGAIN = 4 * TILE
_LOCK = 0x7065696C6F67  # "peilog": one notary at a time, by advisory lock
_ROWS = """
SELECT e.*, b.hash AS before, b.notification_id AS position_before
FROM (
    SELECT notification_id, originator_id, originator_version, topic, state, hash FROM peiban_events
    WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id LIMIT $3
) e
LEFT JOIN LATERAL (
    SELECT p.hash, p.notification_id FROM peiban_events p
    WHERE p.originator_id = e.originator_id AND p.originator_version = e.originator_version - 1 OFFSET 0
) b ON true
ORDER BY e.notification_id
"""
_TILE = "INSERT INTO peiban_tiles (level, number, hash) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
# A message in the write-ahead log: so that there is something to flush, and for a standby to confirm, in any case.
_MARK = "SELECT pg_logical_emit_message(true, 'peiban-log', '')"
_CHECKPOINT = "INSERT INTO peiban_checkpoints (size, root, note) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_PREFIX = b"\x00\x00\x00\x15peiban-event-sha256-1"
_FIXED = Struct(">32s16sqI")
_LENGTH = Struct(">I")


class NotaryRefusedError(EventStoreError):
    """What was to be signed does not hold."""

    code = "log-refused"
    zh = "记录与已签名的内容不符，已停止签名，请立即运行 peiban verify 并报告管理员。"
    en = "The record does not agree with what was signed. Nothing is signed any more: run `peiban verify`, and report."

    def __init__(self, finding: Finding) -> None:
        super().__init__(f"[{finding.what}, {finding.place}]")
        self.finding = finding


class LogUnconfirmedError(EventStoreError):
    """What is not safe yet is not signed yet: a failover could take it back, and the signature could not."""

    code = "log-unconfirmed"
    zh = "备用数据库尚未确认，检查点稍后再签。"
    en = "No standby has confirmed the newest events yet, so they are not signed yet; it is tried again."


class Notary:
    """folder: of this installation's own, outside the database; it keeps the newest checkpoint and any refusal.

    every: seconds, and batch: events, after which there is a new checkpoint.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        signer: Signer,
        folder: Path,
        *,
        every: float = 60.0,
        batch: int = 10_000,
        look: float = 1.0,
    ) -> None:
        self._connect = connect
        self._signer = signer
        self._folder = folder
        self._every, self._batch, self._look = every, batch, look
        self._turn = asyncio.Lock()
        self._moved = asyncio.Condition()
        self._connection: Connection | None = None
        self._warned = False
        self._tree: CompactRange | None = None
        self._stored: Checkpoint | None = None
        self._unwritten: Finding | None = None
        self.newest: Checkpoint | None = None
        self.newest_at: float | None = None  # seconds of time.monotonic
        self.problem = self._refusal()

    async def run(self) -> None:
        """Until it is cancelled. A database that is away is waited for; a refusal is kept until a person lifts it."""
        last = -self._every
        try:
            while True:
                try:
                    behind = await self._behind()
                    if behind >= self._batch or (behind and time.monotonic() - last >= self._every):
                        await self.checkpoint_now()
                        last = time.monotonic()
                except NotaryRefusedError:
                    await self._until_somebody_looked()
                except (RecordUnavailableError, LogUnconfirmedError, *LOST) as error:
                    logger.warning("no checkpoint for now: %s", type(error).__name__)
                    await asyncio.sleep(5 * self._look)
                await asyncio.sleep(self._look)
        finally:
            await self.close()

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def checkpoint_now(self) -> Checkpoint | None:
        """Signs all that there is now, `batch` events at a time; None while there is nothing to sign.

        Raises NotaryRefusedError and RecordUnavailableError.
        """
        async with self._turn:
            with telling_unavailable():
                async with self._exclusive() as connection:
                    while await self._round(LogTree(connection)):
                        pass
            return self.newest

    async def wait_beyond(self, size: int) -> Checkpoint:
        """The newest checkpoint as soon as it is of more events than `size`."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.newest is not None and self.newest.size > size)
            assert self.newest is not None
            return self.newest

    @asynccontextmanager
    async def _exclusive(self) -> AsyncIterator[Connection]:
        self.problem = self._refusal()
        if self.problem is not None:
            raise NotaryRefusedError(self.problem)
        connection = await self._connected()
        try:
            await connection.execute("SELECT pg_advisory_lock($1)", _LOCK, timeout=STATEMENT_SECONDS)
            yield connection
            await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK, timeout=STATEMENT_SECONDS)
        except BaseException:  # the lock goes with the connection
            await self.close()
            raise

    async def _connected(self) -> Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
            self._connection.add_log_listener(self._on_notice)
        return self._connection

    def _on_notice(self, _: Connection, message: Any) -> None:
        if str(message.sqlstate).startswith("01"):
            self._warned = True

    async def _behind(self) -> int:
        async with self._turn:
            head = await LogTree(await self._connected()).head()
        return head - (self._tree.size if self._tree else 0)

    # one round

    async def _round(self, log: LogTree) -> bool:
        """Whether there was something to sign."""
        try:
            signed = await self._signed(log)
            head, ahead = await log.head(), max((each.size for each in signed), default=0)
            if head < ahead:
                self._refuse(Finding("rolled-back", head + 1, checkpoint=ahead))
            base = await self._at(log)
            if head == base.size:
                return False
            tree, end = base.copy(), max(ahead, min(head, base.size + self._batch))
            tiles = await self._extend(log, tree, end)
            root = await self._second_root(log, base.size, end, tiles)
            await self._require_prefixes(LogTree(log.connection, tiles), signed, end, root)
            if tree.root() != root:
                self._refuse(Finding("flip", base.size + 1, checkpoint=end))
        except LogIncompleteError as error:
            self._refuse(Finding("position-missing", error.position))
        await self._store_tiles(log.connection, tiles)
        await self._sign(log.connection, tree, end, root)
        return True

    async def _signed(self, log: LogTree) -> list[Checkpoint]:
        """What was signed last, by the file and by the table: as a rule twice the same."""
        notes = []
        with suppress(FileNotFoundError):
            notes.append((self._folder / "newest").read_text(encoding="utf-8"))
        if row := await log.newest_row():
            notes.append(row["note"])
        signed = []
        for note in notes:
            try:
                checkpoint = Checkpoint.parse(note)
                checkpoint.verify(self._signer.verifier)
            except NoteError:
                self._refuse(Finding("checkpoint-signature", 1, checkpoint=row["size"] if row else None))
            signed.append(checkpoint)
        if row and (signed[-1].size, signed[-1].root) != (row["size"], row["root"]):
            self._refuse(Finding("checkpoint-unreadable", 1, checkpoint=row["size"]))
        self._stored = signed[-1] if row else None
        return signed

    async def _at(self, log: LogTree) -> CompactRange:
        """The tree as it was when the newest stored checkpoint was signed."""
        stored = self._stored
        if stored is None:
            self._tree = CompactRange()
        elif self._tree is None or self._tree.size != stored.size:
            self._tree = await log.range(stored.size)
        tree = self._tree
        assert tree is not None
        if stored is not None:
            if tree.root() != stored.root:
                self._refuse(Finding("checkpoint-mismatch", 1, checkpoint=stored.size))
            await self._tell(stored)
        return tree

    async def _extend(self, log: LogTree, tree: CompactRange, end: int) -> dict[Node, bytes]:
        """Verifies the events up to `end` and takes them in; gives the tiles that they complete."""
        tiles: dict[Node, bytes] = {}

        def completed(node: Node, value: bytes) -> None:
            if node[0] % TILE_BITS == 0:
                tiles[node] = value

        while tree.size < end:
            rows = await log.fetch(_ROWS, tree.size, end, _PAGE)
            for row in rows:
                if finding := check_row(row, tree.size + 1):
                    self._refuse(finding)
                tree.append(leaf_hash(row["hash"]), completed)
            if not rows:
                self._refuse(Finding("position-missing", tree.size + 1))
        return tiles

    async def _second_root(self, log: LogTree, base: int, end: int, tiles: dict[Node, bytes]) -> bytes:
        """The root by another way: hashes read again, tile by tile and level by level, on top of stored tiles."""
        again = LogTree(log.connection)
        first = base // TILE * TILE
        for start in range(first, end, _AGAIN):
            leaves = await again.leaves(start, min(start + _AGAIN, end))
            for offset in range(0, len(leaves) - TILE + 1, TILE):
                again.known[TILE_BITS, (start + offset) // TILE] = tree_root(leaves[offset : offset + TILE])
        for level in LEVELS[1:]:
            height = level * TILE_BITS
            for number in range(base >> height, end >> height):
                below = await again.tiles(level - 1, number * TILE, (number + 1) * TILE)
                again.known[height, number] = tree_root(below)
        if again.known != tiles:
            self._refuse(Finding("flip", base + 1, checkpoint=end))
        return await again.root(end)

    async def _require_prefixes(self, log: LogTree, signed: list[Checkpoint], end: int, root: bytes) -> None:
        for checkpoint in signed:
            try:
                proof = await log.consistency(checkpoint.size, end)
                verify_consistency(checkpoint.size, end, proof, checkpoint.root, root)
            except ProofError:
                self._refuse(Finding("checkpoint-mismatch", 1, checkpoint=checkpoint.size))

    async def _store_tiles(self, connection: Connection, tiles: dict[Node, bytes]) -> None:
        rows = [(height // TILE_BITS, number, value) for (height, number), value in tiles.items()]
        self._warned = False
        async with connection.transaction():
            await connection.executemany(_TILE, rows, timeout=STATEMENT_SECONDS)
            await connection.execute(_MARK, timeout=STATEMENT_SECONDS)
        if self._warned:
            raise LogUnconfirmedError
        stored = LogTree(connection)
        for level in LEVELS:
            ours = {number: value for (height, number), value in tiles.items() if height == level * TILE_BITS}
            if ours and await stored.tiles(level, min(ours), max(ours) + 1) != [ours[n] for n in sorted(ours)]:
                self._refuse(Finding("tile-mismatch", (min(ours) << level * TILE_BITS) + 1))

    async def _sign(self, connection: Connection, tree: CompactRange, end: int, root: bytes) -> None:
        checkpoint = Checkpoint.parse(str(sign_checkpoint(self._signer, end, tree.root())))
        try:
            checkpoint.verify(self._signer.verifier)
        except NoteError:
            self._refuse(Finding("flip", end, checkpoint=end))
        if (checkpoint.size, checkpoint.root) != (end, root):
            self._refuse(Finding("flip", end, checkpoint=end))
        await asyncio.to_thread(self._keep, "newest", str(checkpoint))
        await connection.execute(_CHECKPOINT, end, root, str(checkpoint), timeout=STATEMENT_SECONDS)
        self._tree = tree
        await self._tell(checkpoint)

    async def _tell(self, checkpoint: Checkpoint) -> None:
        async with self._moved:
            if checkpoint != self.newest:
                self.newest, self.newest_at = checkpoint, time.monotonic()
            self._moved.notify_all()

    # refusals

    def _refuse(self, finding: Finding) -> NoReturn:
        self.problem = finding
        facts = {name: str(value) for name, value in asdict(finding).items() if value not in (None, "")}
        text = {
            "zh": finding.zh,
            "en": finding.en,
            "then": "查明后删除本文件。 Remove this file once it is understood.",
        }
        logger.critical("checkpoints are refused: %s", finding.what, extra={"place": finding.place})
        try:
            self._keep("refused", json.dumps(facts | text, ensure_ascii=False, indent=1) + "\n")
        except OSError:
            self._unwritten = finding
            logger.exception("the refusal cannot be written down; it holds until the service is started again")
        raise NotaryRefusedError(finding)

    def _refusal(self) -> Finding | None:
        try:
            held = json.loads((self._folder / "refused").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return self._unwritten
        except ValueError:
            held = {}
        stream, version, size = (held.get(name) for name in ("originator_id", "originator_version", "checkpoint"))
        return Finding(
            held.get("what", "flip"),
            int(held.get("position", 0)),
            UUID(stream) if stream else None,
            int(version) if version else None,
            held.get("topic"),
            int(size) if size else None,
        )

    async def _until_somebody_looked(self) -> None:
        while self._refusal() is not None:  # noqa: ASYNC110 - a file has no event
            await asyncio.sleep(self._look)
        logger.warning("the refusal was lifted; checkpoints are tried again")
        self.problem, self._tree = None, None

    def _keep(self, name: str, text: str) -> None:
        """The file appears whole, and is on the disk before anything that rests on it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self._folder / f".{name}"
        with draft.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        draft.replace(self._folder / name)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def check_row(row: Row, expected: int) -> Finding | None:
    """Position, link, order and hash of one event; independent of eventstore/chain.py."""
    if row["notification_id"] != expected:
        return Finding("position-missing", expected)
    before, version, topic = row["before"], row["originator_version"], row["topic"].encode()
    if before is None and version > 1:
        what = "stream-broken"
    elif before is not None and row["position_before"] >= expected:
        what = "order-broken"
    else:
        fixed = _FIXED.pack(before or bytes(32), row["originator_id"].bytes, version, len(topic))
        state = row["state"]
        if sha256(_PREFIX + fixed + topic + _LENGTH.pack(len(state)) + state).digest() == row["hash"]:
            return None
        what = "hash-mismatch"
    return Finding(what, expected, UUID(bytes=row["originator_id"].bytes), version, row["topic"])
