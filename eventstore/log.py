"""Reads the log's tree where it lies in the database, and makes proofs from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from eventstore.checkpoint import Checkpoint, SignatureLine
from eventstore.connection import STATEMENT_SECONDS, Connection, Row
from eventstore.errors import EventStoreError
from eventstore.merkle import (
    CompactRange,
    Node,
    complete,
    consistency_path,
    fold,
    inclusion_path,
    leaf_hash,
    tree_root,
)

TILE_BITS = 8
TILE = 1 << TILE_BITS
LEVELS = range(1, 8)

HEAD = "SELECT notification_id FROM peiban_head WHERE log = 0"
_HASHES = """
SELECT notification_id, hash FROM peiban_events WHERE notification_id > $1 AND notification_id <= $2
ORDER BY notification_id
"""
_TILES = "SELECT number, hash FROM peiban_tiles WHERE level = $1 AND number >= $2 AND number < $3"
_NEWEST = "SELECT size, root, note FROM peiban_checkpoints ORDER BY size DESC LIMIT 1"
_LINES = "SELECT witness, cosignatures FROM peiban_witnessed WHERE size = $1 ORDER BY witness"


class LogIncompleteError(EventStoreError):
    """position: an event that the tree needs and the record does not have."""

    code = "log-incomplete"
    zh = "日志树缺少节点，请运行 peiban verify 查明。"
    en = "A node of the log's tree is missing; run `peiban verify` to learn which event it is."

    def __init__(self, position: int) -> None:
        super().__init__(f"[{position}]")
        self.position = position


@dataclass
class LogTree:
    """known: tiles that are not stored yet, by (height, index); they are taken before stored ones."""

    connection: Connection
    known: dict[Node, bytes] = field(default_factory=dict)

    async def fetch(self, sql: str, *arguments: object) -> list[Row]:
        return list(await self.connection.fetch(sql, *arguments, timeout=STATEMENT_SECONDS))

    async def leaves(self, first: int, end: int) -> list[bytes]:
        rows = await self.fetch(_HASHES, first, end)
        if len(rows) != end - first:
            there = {row["notification_id"] for row in rows}
            raise LogIncompleteError(next(place for place in range(first + 1, end + 1) if place not in there))
        return [leaf_hash(row["hash"]) for row in rows]

    async def tiles(self, level: int, first: int, end: int) -> list[bytes]:
        stored = {row["number"]: row["hash"] for row in await self.fetch(_TILES, level, first, end)}
        tiles = [self.known.get((level * TILE_BITS, number), stored.get(number)) for number in range(first, end)]
        if None in tiles:
            raise LogIncompleteError(((first + tiles.index(None)) << level * TILE_BITS) + 1)
        return [tile for tile in tiles if tile is not None]

    async def node(self, node: Node) -> bytes:
        height, index = node
        level, rest = divmod(height, TILE_BITS)
        first, end = index << rest, (index + 1) << rest
        return tree_root(await (self.tiles(level, first, end) if level else self.leaves(first, end)))

    async def range(self, size: int) -> CompactRange:
        return CompactRange(size, [await self.node(node) for node in complete(0, size)])

    async def root(self, size: int) -> bytes:
        return (await self.range(size)).root()

    async def inclusion(self, index: int, size: int) -> list[bytes]:
        return await self._read(inclusion_path(index, size))

    async def consistency(self, old: int, size: int) -> list[bytes]:
        return await self._read(consistency_path(old, size))

    async def _read(self, path: list[list[Node]]) -> list[bytes]:
        return [fold([await self.node(node) for node in nodes]) for nodes in path]

    async def head(self) -> int:
        return int((await self.fetch(HEAD))[0]["notification_id"])

    async def newest_row(self) -> Row | None:
        rows = await self.fetch(_NEWEST)
        return rows[0] if rows else None

    async def newest(self) -> Checkpoint | None:
        """The newest stored checkpoint with what witnesses have added to it; nothing is verified here."""
        if (row := await self.newest_row()) is None:
            return None
        return await self.with_cosignatures(Checkpoint.parse(row["note"]))

    async def with_cosignatures(self, checkpoint: Checkpoint) -> Checkpoint:
        rows = await self.fetch(_LINES, checkpoint.size)
        return checkpoint.with_signatures(
            SignatureLine.parse(line) for row in rows for line in row["cosignatures"].splitlines()
        )
