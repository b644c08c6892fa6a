"""Rows kept as one JSON document each: loaded, folded in memory and written back by the page, in few statements.

Table names are unqualified here: the connection's search path decides whether the live tables are meant or those
of a rebuild.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

R = TypeVar("R", bound=msgspec.Struct)

_encode = msgspec.json.Encoder(order="deterministic").encode


class Documents(Generic[R]):
    """The document table `table (id uuid, document jsonb, …generated columns)`."""

    def __init__(self, table: str, kind: type[R]) -> None:
        self._decoder = msgspec.json.Decoder(kind)
        # The table's name is a constant of this package, never input.
        self._select = f"SELECT id, document::text AS document FROM {table} WHERE id = ANY($1::uuid[])"  # noqa: S608
        self._upsert = (
            f"INSERT INTO {table} (id, document) SELECT * FROM unnest($1::uuid[], $2::jsonb[])"  # noqa: S608
            " ON CONFLICT (id) DO UPDATE SET document = excluded.document"
        )

    async def load(self, connection: Any, ids: Iterable[UUID]) -> dict[UUID, R]:
        wanted = list(ids)
        if not wanted:
            return {}
        return {row["id"]: self.read(row) for row in await connection.fetch(self._select, wanted)}

    async def save(self, connection: Any, rows: Mapping[UUID, R]) -> None:
        if rows:
            ids = sorted(rows)  # one order for everybody, so that two writers never wait for each other in a ring
            await connection.execute(self._upsert, ids, [_encode(rows[id]).decode() for id in ids])

    def read(self, record: Any) -> R:
        """The row in a database record that has a column `document` as text."""
        return self._decoder.decode(record["document"])
