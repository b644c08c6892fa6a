"""Real databases for tests: one embedded PostgreSQL per session, one clone of a migrated template per test."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg

from eventstore.embedded import OWNER, SUPERUSER, EmbeddedPostgres
from eventstore.migrate import MIGRATIONS, SERVICE_ROLE, migrate
from service.database import ROOMS_WITH_TABLES

ROOT = Path(__file__).parent.parent
TEMPLATE = "peiban_template"
PASSWORD = "test-password"

# What a test writes need not survive a power cut.
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_wal_size": "2GB"}

_numbers = count(1)


@dataclass(frozen=True)
class Database:
    """owner_url: may migrate and alter; service_url: what the service gets."""

    name: str
    owner_url: str
    service_url: str
    superuser_url: str


def migration_folders() -> list[Path]:
    """The event store's migrations first: the others build on its roles."""
    return [MIGRATIONS, *(ROOT / room / "migrations" for room in ROOMS_WITH_TABLES)]


def make_template(server: EmbeddedPostgres) -> None:
    with _administrator(server) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE} OWNER {OWNER}")
    asyncio.run(migrate(server.url(OWNER, TEMPLATE), migration_folders(), PASSWORD))


@contextmanager
def clone(server: EmbeddedPostgres) -> Iterator[Database]:
    name = f"test_{next(_numbers)}"
    with _administrator(server) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {OWNER} STRATEGY FILE_COPY")
        try:
            yield Database(name, *(server.url(user, name) for user in (OWNER, SERVICE_ROLE, SUPERUSER)))
        finally:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def _administrator(server: EmbeddedPostgres) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        yield connection
