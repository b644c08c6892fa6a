"""How far a follower has dealt with the record, kept in the database."""

from __future__ import annotations

from eventstore.connection import Reader

_GET = "SELECT notification_id FROM peiban_tracking WHERE name = $1"
# Never backwards: a follower that was slow to stop must not undo what its successor has noted.
_SET = """
INSERT INTO peiban_tracking (name, notification_id) VALUES ($1, $2)
ON CONFLICT (name) DO UPDATE SET notification_id = excluded.notification_id, recorded_at = clock_timestamp()
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

    async def get(self, name: str) -> int:
        """The last position that was dealt with; 0 at first."""
        row = await self._reader.fetch_row(_GET, name)
        return int(row["notification_id"]) if row else 0

    async def set(self, name: str, position: int) -> None:
        await self._reader.fetch(_SET, name, position)
