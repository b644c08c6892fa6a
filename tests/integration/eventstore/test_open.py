from __future__ import annotations

from uuid import uuid4

import psycopg
import pytest

from eventstore import AggregateNotFoundError, EventStore, RecordUnavailableError, VaultKeys
from eventstore.errors import MigrationError
from tests.database import Database
from tests.integration.eventstore.ledger import Ledger


async def test_a_database_that_is_not_there_is_told(database: Database, vault_keys: VaultKeys) -> None:
    with pytest.raises(RecordUnavailableError):
        await EventStore.open(database.service_url.replace(database.name, "nowhere"), keys=vault_keys)
    with pytest.raises(RecordUnavailableError):
        await EventStore.open("postgresql://peiban_service@/peiban?host=%2Fnonexistent", keys=vault_keys)


async def test_an_empty_database_asks_for_migration(database: Database, vault_keys: VaultKeys) -> None:
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DROP TABLE peiban_head")
    with pytest.raises(MigrationError, match="peiban migrate"):
        await EventStore.open(database.service_url, keys=vault_keys)


async def test_a_stream_nobody_wrote_is_not_found(store: EventStore) -> None:
    with pytest.raises(AggregateNotFoundError):
        await store.get(Ledger, uuid4())
    assert await store.events(uuid4()) == []
