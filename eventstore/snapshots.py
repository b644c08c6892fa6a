"""Snapshots: what an aggregate was at some version, so that a long stream need not be replayed from its beginning.

They are a cache beside the record, never part of it. One is used only if

- it was made by the same code: the aggregate class's `SNAPSHOT_VERSION` and the sources of it and of its events;
- the record holds, at its version, the very event that it was taken behind (the hash, which covers all before it);
- its seal fits, a MAC under the service's own key over all of this and the state.

So a stale snapshot, one of another record, or one that was forged or altered by whoever can write to the table, is
passed over with a line in the log, and the stream is replayed. Not covered: a service that has been taken over (it has
the key), and code elsewhere on which `apply` relies, for which `SNAPSHOT_VERSION` is raised by hand.
"""

from __future__ import annotations

import hashlib
import hmac
import inspect
import logging
import sys
from functools import cache
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import Snapshot
from eventsourcing.persistence import Mapper as PackageMapper
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic

from eventstore.aggregate import Aggregate, Event
from eventstore.chain import frame
from eventstore.connection import Reader, Row
from eventstore.loader import Loader
from eventstore.transcoder import StateTranscoder

logger = logging.getLogger(__name__)

EVERY = 100
"""Events behind the last snapshot, or the beginning, before the next one is taken."""

_ALGORITHM = b"peiban-snapshot-hmac-sha256-1"
_KEEP = """
INSERT INTO peiban_snapshots (originator_id, originator_version, topic, state, shape, hash, seal)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (originator_id) DO UPDATE
SET originator_version = excluded.originator_version, topic = excluded.topic, state = excluded.state,
    shape = excluded.shape, hash = excluded.hash, seal = excluded.seal, recorded_at = clock_timestamp()
"""


class Snapshots:
    """key: the service's own secret, from which the seal's key is derived."""

    def __init__(self, reader: Reader, key: bytes) -> None:
        self._reader = reader
        self._loader = Loader(reader)
        self._key = hmac.digest(key, _ALGORITHM, "sha256")
        self._mapper = PackageMapper[UUID](StateTranscoder())

    async def close(self) -> None:
        await self._loader.close()

    async def select(self, aggregate_class: type[Aggregate], id: UUID) -> tuple[Aggregate | None, list[Row]]:
        """In one statement: the newest snapshot that holds, and the events behind it, or all events.

        Rows are the loader's. The first of them behind a snapshot is the snapshot's own.
        """
        shape = shape_of(aggregate_class)
        rows = await self._loader.read(id, shape)
        if rows and rows[0]["seal"] is not None:
            aggregate = self._restore(id, shape, rows[0])
            if isinstance(aggregate, aggregate_class):
                return aggregate, rows
        elif rows and rows[0]["originator_version"] in (0, 1):
            return None, rows
        # Also when nothing was found: the snapshot may stand behind the end of the stream.
        if rows := await self._loader.read_all(id):
            logger.warning("a snapshot does not fit the record and is passed over", extra={"stream": str(id)})
        return None, rows

    async def take(self, aggregate: Aggregate, digest: bytes) -> None:
        """digest: the hash of the aggregate's last event."""
        stored = self._mapper.to_stored_event(Snapshot.take(aggregate))
        shape = shape_of(type(aggregate))
        seal = self._seal(shape, stored, digest)
        await self._reader.fetch(
            _KEEP, aggregate.id, stored.originator_version, stored.topic, stored.state, shape, digest, seal
        )

    def _restore(self, id: UUID, shape: str, row: Row) -> Any:
        stored = StoredEvent(id, row["originator_version"], row["snapshot_topic"], row["snapshot_state"])
        if row["snapshot_hash"] != row["hash"]:
            return None
        if not hmac.compare_digest(row["seal"], self._seal(shape, stored, row["hash"])):
            return None
        # Sealed by us: what it names is imported already, and nothing else is.
        return cast(Snapshot, self._mapper.to_domain_event(stored)).mutate(None)

    def _seal(self, shape: str, stored: StoredEvent, digest: bytes) -> bytes:
        assert isinstance(stored.originator_id, UUID)
        place = stored.originator_id.bytes + stored.originator_version.to_bytes(8, "big")
        return hmac.digest(
            self._key, frame(shape.encode(), place, stored.topic.encode(), stored.state, digest), "sha256"
        )


@cache
def shape_of(aggregate_class: type[Aggregate]) -> str:
    """A digest of what turns events into this aggregate's state. Comments count too: it only costs a replay."""
    owners = [base for base in aggregate_class.__mro__ if issubclass(base, Aggregate)]
    modules = {owner.__module__ for owner in owners} | {event.__module__ for event in _events_of(Event, owners)}
    digest = hashlib.sha256(
        frame(
            get_topic(aggregate_class).encode(),
            str(aggregate_class.SNAPSHOT_VERSION).encode(),
            *(_source(module) for module in sorted(modules)),
        )
    )
    return digest.hexdigest()


def _events_of(event_class: type[Event], owners: list[type[Any]]) -> list[type[Event]]:
    """Those whose `apply` says that it is made for one of these classes."""
    names = {name for owner in owners for name in (owner, owner.__name__)}
    own = [event_class] if set(event_class.apply.__annotations__.values()) & names else []
    return own + [found for subclass in event_class.__subclasses__() for found in _events_of(subclass, owners)]


def _source(module: str) -> bytes:
    try:
        return inspect.getsource(sys.modules[module]).encode()
    except (OSError, TypeError):  # typed in, or shipped without sources: the declared version alone must do
        return b""
