from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from eventstore import EventStore, VaultKeys
from eventstore.embedded import EmbeddedPostgres
from tests.database import FAST, Database, clone, make_template


@pytest.fixture
def server_root() -> Iterator[Path]:
    """A folder for an embedded server; unlike tmp_path it is open to the server's user when root runs the tests."""
    root = Path(tempfile.mkdtemp(prefix="peiban-test-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture(scope="session")
def postgres() -> Iterator[EmbeddedPostgres]:
    """The session's server, with a migrated template database. Its files are gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="peiban-test-"))
    root.chmod(0o755)
    server = EmbeddedPostgres(root, settings=FAST)
    server.start()
    try:
        make_template(server)
        yield server
    finally:
        server.stop()
        shutil.rmtree(root)


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[Database]:
    """An empty, migrated database of the test's own."""
    with clone(postgres) as database:
        yield database


@pytest.fixture
def vault_keys() -> VaultKeys:
    return VaultKeys("kek-test", kek=bytes(range(32)), index_key=bytes(range(32, 64)))


@pytest.fixture
async def store(database: Database, vault_keys: VaultKeys) -> AsyncIterator[EventStore]:
    store = await EventStore.open(database.service_url, keys=vault_keys)
    yield store
    await store.close()
