"""The immutable record: asyncio persistence for the `eventsourcing` package, on asyncpg and PostgreSQL.

Events are appended in one gapless order, chained by hash per stream, and followed by position. Personal values live in
the vault; events hold references to them.
"""

from eventstore.aggregate import Aggregate, Context, CreatedEvent, Event, Sealed
from eventstore.errors import (
    AggregateNotFoundError,
    BusyError,
    CommandRefusedError,
    ErasedError,
    ErasureRefusedError,
    EventStoreError,
    OutcomeUnknownError,
    RecordChangedError,
    RecordUnavailableError,
    UnknownEventError,
    VaultKeyError,
    VersionConflictError,
)
from eventstore.evidence import Kept, verify
from eventstore.findings import Finding, Report
from eventstore.migrate import MIGRATIONS, migrate
from eventstore.notary import Notary, NotaryRefusedError
from eventstore.recorder import Place, Recorded
from eventstore.repository import UnitOfWork
from eventstore.store import EventStore, Outcome
from eventstore.vault import DataCipher, ErasedScope, Vault, VaultKeys, key_of_blob

__all__ = [
    "MIGRATIONS",
    "Aggregate",
    "AggregateNotFoundError",
    "BusyError",
    "CommandRefusedError",
    "Context",
    "CreatedEvent",
    "DataCipher",
    "ErasedError",
    "ErasedScope",
    "ErasureRefusedError",
    "Event",
    "EventStore",
    "EventStoreError",
    "Finding",
    "Kept",
    "Notary",
    "NotaryRefusedError",
    "Outcome",
    "OutcomeUnknownError",
    "Place",
    "RecordChangedError",
    "RecordUnavailableError",
    "Recorded",
    "Report",
    "Sealed",
    "UnitOfWork",
    "UnknownEventError",
    "Vault",
    "VaultKeyError",
    "VaultKeys",
    "VersionConflictError",
    "key_of_blob",
    "migrate",
    "verify",
]
