"""Checks the whole record: against itself, against what was signed, and against what others keep.

Positions without a gap, streams without a hole, every hash recomputed; the tree over them held against every stored
checkpoint, and against newest ones from elsewhere. Memory does not grow with the record.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from eventstore.chain import START, event_hash
from eventstore.checkpoint import Checkpoint, NoteError, SignatureLine, VerifierKey
from eventstore.connection import Connection, Row, connect
from eventstore.findings import Finding, Report
from eventstore.log import HEAD, TILE_BITS
from eventstore.merkle import CompactRange, Node, leaf_hash

Progress = Callable[[int, int], None]

_PAGE = 1000
_ROWS = """
SELECT e.*, b.hash AS before, b.notification_id AS position_before
FROM (
    SELECT notification_id, originator_id, originator_version, topic, state, hash FROM peiban_events
    WHERE notification_id > $1 ORDER BY notification_id LIMIT $2
) e
LEFT JOIN LATERAL (
    SELECT p.hash, p.notification_id FROM peiban_events p
    WHERE p.originator_id = e.originator_id AND p.originator_version = e.originator_version - 1 OFFSET 0
) b ON true
ORDER BY e.notification_id
"""
_CHECKPOINTS = """
SELECT c.size, c.root, c.note, coalesce(string_agg(w.cosignatures, '' ORDER BY w.witness), '') AS cosignatures
FROM peiban_checkpoints c LEFT JOIN peiban_witnessed w USING (size)
WHERE c.size > $1 AND c.size <= $2 GROUP BY c.size ORDER BY c.size
"""
_SIZE = "SELECT coalesce(max(size), 0) FROM peiban_checkpoints"
_TILES = """
SELECT t.level, t.number, p.hash FROM unnest($1::smallint[], $2::bigint[]) AS t (level, number)
LEFT JOIN peiban_tiles p USING (level, number)
"""


@dataclass(frozen=True)
class Kept:
    """A checkpoint that somebody else keeps. source: who, in words for people."""

    source: str
    checkpoint: Checkpoint


async def verify(
    url: str,
    *,
    key: VerifierKey | None = None,
    cosigners: Sequence[VerifierKey] = (),
    kept: Sequence[Kept] = (),
    progress: Progress | None = None,
) -> Report:
    """Reads everything once, in pages, within one snapshot; any role that may read the record will do.

    key: of the log; without it the signatures of checkpoints are not verified. Without `kept` it trusts the database
    for the checkpoints themselves: whoever owns it can rewrite it as a whole, if he has the log's key too.
    """
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            return await _Verification(connection, key, cosigners, kept, progress).run()
    finally:
        await connection.close()


class _Verification:
    def __init__(
        self,
        connection: Connection,
        key: VerifierKey | None,
        cosigners: Sequence[VerifierKey],
        kept: Sequence[Kept],
        progress: Progress | None,
    ) -> None:
        self._connection = connection
        self._key = key
        self._cosigners = cosigners
        self._kept = sorted(kept, key=lambda each: each.checkpoint.size)
        self._progress = progress
        self._tree = CompactRange()
        self._streams = self._checkpoints = self._covered = 0
        self._tiles: dict[Node, bytes] = {}
        self._signed = 0

    async def run(self) -> Report:
        head = int(await self._connection.fetchval(HEAD) or 0)
        self._signed = int(await self._connection.fetchval(_SIZE))
        finding = await self._events(head) or self._end(head)
        return Report(self._tree.size, self._streams, head, finding, self._checkpoints)

    async def _events(self, head: int) -> Finding | None:
        while rows := await self._connection.fetch(_ROWS, self._tree.size, _PAGE):
            checkpoints = await self._expected(self._tree.size, self._tree.size + len(rows))
            for row in rows:
                if finding := _check(row, self._tree.size + 1):
                    return finding
                self._tree.append(leaf_hash(row["hash"]), self._completed)
                self._streams += row["before"] is None
                while checkpoints and checkpoints[0][1].size == self._tree.size:
                    source, checkpoint = checkpoints.pop(0)
                    if finding := self._agrees(source, checkpoint):
                        return finding
            if finding := await self._compare_tiles():
                return finding
            if self._progress is not None:
                self._progress(self._tree.size, head)
        return None

    def _end(self, head: int) -> Finding | None:
        size = self._tree.size
        if size != head:
            return Finding("position-missing", size + 1) if size < head else Finding("head-mismatch", size)
        for kept in self._kept:
            try:
                self._believe(kept.checkpoint)
            except NoteError:
                return Finding("checkpoint-signature", 1, checkpoint=kept.checkpoint.size, source=kept.source)
            if kept.checkpoint.size > size:
                return Finding("rolled-back", size + 1, checkpoint=kept.checkpoint.size, source=kept.source)
        if self._signed > size:
            return Finding("rolled-back", size + 1, checkpoint=self._signed)
        return None

    # checkpoints

    async def _expected(self, after: int, end: int) -> list[tuple[str, Checkpoint]]:
        """Those over (after, end], in order of size; what cannot be read has no origin and agrees with nothing."""
        found = []
        for row in await self._connection.fetch(_CHECKPOINTS, after, end):
            try:
                checkpoint = Checkpoint.parse(row["note"])
                lines = [SignatureLine.parse(line) for line in row["cosignatures"].splitlines()]
                if (checkpoint.size, checkpoint.root) != (row["size"], row["root"]):
                    raise NoteError("the row says something else than its note")
                found.append(("", checkpoint.with_signatures(lines)))
            except NoteError:
                found.append(("", Checkpoint("", row["size"], row["root"])))
        kept = [(k.source, k.checkpoint) for k in self._kept if after < k.checkpoint.size <= end]
        return sorted([*found, *kept], key=lambda each: each[1].size)

    def _agrees(self, source: str, checkpoint: Checkpoint) -> Finding | None:
        bad = Finding("checkpoint-mismatch", self._covered + 1, checkpoint=checkpoint.size, source=source)
        if not checkpoint.origin:
            return replace(bad, what="checkpoint-unreadable")
        try:
            self._believe(checkpoint)
        except NoteError:
            return replace(bad, what="checkpoint-signature")
        if checkpoint.root != self._tree.root():
            return bad
        self._checkpoints += 1
        self._covered = checkpoint.size
        return None

    def _believe(self, checkpoint: Checkpoint) -> None:
        if self._key is not None:
            checkpoint.verify(self._key)
        checkpoint.cosignatures(self._cosigners)

    # tiles

    def _completed(self, node: Node, value: bytes) -> None:
        height, index = node
        if height % TILE_BITS == 0 and (index + 1) << height <= self._signed:
            self._tiles[height // TILE_BITS, index] = value

    async def _compare_tiles(self) -> Finding | None:
        tiles, self._tiles = self._tiles, {}
        if not tiles:
            return None
        rows = await self._connection.fetch(_TILES, *_columns(tiles))
        wrong = [number << level * TILE_BITS for level, number, value in rows if tiles[level, number] != value]
        return Finding("tile-mismatch", min(wrong) + 1) if wrong else None


def _columns(tiles: Iterable[Node]) -> tuple[list[int], list[int]]:
    places = list(tiles)
    return [level for level, _ in places], [number for _, number in places]


def _check(row: Row, expected: int) -> Finding | None:
    if row["notification_id"] != expected:
        return Finding("position-missing", expected)
    originator_id = UUID(bytes=row["originator_id"].bytes)
    version, topic = row["originator_version"], row["topic"]
    if row["before"] is None and version > 1:
        what = "stream-broken"
    elif row["before"] is not None and row["position_before"] >= expected:
        what = "order-broken"
    elif event_hash(row["before"] or START, originator_id, version, topic, row["state"]) != row["hash"]:
        what = "hash-mismatch"
    else:
        return None
    return Finding(what, expected, originator_id, version, topic)
