"""How far a follower has dealt with the record, kept in the database."""

from __future__ import annotations

from eventstore.connection import Reader
from eventstore.recorder import Place

_GET = "SELECT notification_id, hash FROM peiban_tracking WHERE name = $1"
# Never backwards: a follower that was slow to stop must not undo what its successor has noted.
_SET = """
INSERT INTO peiban_tracking (name, notification_id, hash) VALUES ($1, $2, nullif($3, ''::bytea))
ON CONFLICT (name) DO UPDATE
SET notification_id = excluded.notification_id, hash = excluded.hash, recorded_at = clock_timestamp()
WHERE peiban_tracking.notification_id < excluded.notification_id
"""


class PostgresTracking:
    """Made by `open`, given back by `close`."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    @classmethod
    async def open(cls, service_url: str) -> PostgresTracking:
        """Connects as the service's role. Raises RecordUnavailableError."""
        return cls(await Reader.open(service_url, 2))

    async def close(self) -> None:
        await self._reader.close()

    async def get(self, name: str) -> Place:
        """The last place that was dealt with, on trust where an older program noted it without its hash."""
        row = await self._reader.fetch_row(_GET, name)
        return Place(row["notification_id"], row["hash"] or b"") if row else Place()

    async def set(self, name: str, place: Place) -> None:
        await self._reader.fetch(_SET, name, place.position, place.hash)
