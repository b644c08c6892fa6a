"""What every projection is made of, and the memory of how far it has come."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

from eventstore import Recorded

SCHEMA = "projections"
MIGRATIONS = Path(__file__).parent / "migrations"


_READ = "SELECT position, hash, epoch FROM projections.tracking WHERE name = $1 AND version = $2"
_READ_LOCKED = "SELECT position, hash, epoch FROM projections.tracking WHERE name = $1 AND version = $2 FOR UPDATE"


class Projection(Protocol):
    """A read model. The same events always give the same rows: no wall clock, no random values.

    Its tables carry its version in their names and are made by `migrations/NNNN_<name>_v<version>.sql`.
    """

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def tables(self) -> Sequence[str]: ...

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        """Tells a page of events into the tables, inside the caller's transaction.

        Returns what changed for those who look on: id of a case, inspection or complaint → position.
        """


@dataclass(frozen=True)
class Place:
    """How far a projection has come. hash: of the event at `position`; epoch: how often it was rebuilt."""

    position: int = 0
    hash: bytes = b""
    epoch: int = 0


async def read_place(connection: Any, projection: Projection, *, lock: bool = False) -> Place:
    """lock: nobody else moves this projection until the transaction ends."""
    row = await connection.fetchrow(_READ_LOCKED if lock else _READ, projection.name, projection.version)
    return Place(**row) if row else Place()


async def begin_place(connection: Any, projection: Projection) -> None:
    await connection.execute(
        "INSERT INTO projections.tracking (name, version) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        projection.name,
        projection.version,
    )


async def write_place(connection: Any, projection: Projection, place: Place) -> None:
    await connection.execute(
        "UPDATE projections.tracking SET position = $3, hash = $4, epoch = $5 WHERE name = $1 AND version = $2",
        projection.name,
        projection.version,
        place.position,
        place.hash,
        place.epoch,
    )


def schema_of(projection: Projection) -> str:
    """The SQL that makes the projection's tables: a migration beside its module, or here."""
    beside = Path(inspect.getfile(type(projection))).parent / "migrations"
    name = f"[0-9][0-9][0-9][0-9]_{projection.name}_v{projection.version}.sql"
    file = next(file for folder in (beside, MIGRATIONS) for file in folder.glob(name))
    return file.read_text(encoding="utf-8")
