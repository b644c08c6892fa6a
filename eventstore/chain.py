"""The hash that ties each event to the one before it in its stream. The database builds the same bytes in SQL."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from uuid import UUID

from eventsourcing.persistence import StoredEvent

ALGORITHM = b"peiban-event-sha256-1"
START = bytes(32)
"""What stands for the previous hash before a stream's first event."""


def frame(*parts: bytes) -> bytes:
    """Joins parts, each behind its length (4 bytes, big-endian), so that no two lists of parts give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


_ALGORITHM = frame(ALGORITHM)


def event_hash(previous: bytes, originator_id: UUID, originator_version: int, topic: str, state: bytes) -> bytes:
    """SHA-256 over algorithm, previous hash, stream, version, topic and state; 32 bytes.

    Fields of fixed length (32, 16 and 8 bytes) stand bare, the others behind their length.
    """
    size = len(state).to_bytes(4, "big")
    version = originator_version.to_bytes(8, "big")
    return sha256(b"".join((_ALGORITHM, previous, originator_id.bytes, version, _framed(topic), size, state))).digest()


@lru_cache(maxsize=1000)
def _framed(topic: str) -> bytes:
    return frame(topic.encode())


def chain(previous: bytes, events: list[StoredEvent]) -> list[bytes]:
    """The hashes of one stream's next events, in order."""
    hashes = []
    for event in events:
        assert isinstance(event.originator_id, UUID)
        previous = event_hash(previous, event.originator_id, event.originator_version, event.topic, event.state)
        hashes.append(previous)
    return hashes
