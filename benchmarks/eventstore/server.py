"""A durable server of the benchmark's own, whose flush costs one millisecond."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg

from eventstore.embedded import OWNER, SUPERUSER, EmbeddedPostgres
from eventstore.migrate import MIGRATIONS, SERVICE_ROLE, migrate
from projections import MIGRATIONS as PROJECTIONS

HERE = Path(__file__).parent
_SETTINGS = {"shared_buffers": "512MB", "max_wal_size": "8GB", "max_connections": "200"}
_numbers = count(1)


@dataclass(frozen=True)
class Database:
    """host: the socket's folder, for clients that want their address in parts."""

    name: str
    host: str
    owner_url: str
    service_url: str
    superuser_url: str


@dataclass(frozen=True)
class Server:
    postgres: EmbeddedPostgres
    pid: int

    def database(self) -> Database:
        """A new one, with our tables in it."""
        name = f"bench_{next(_numbers)}"
        with psycopg.connect(self.postgres.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} OWNER {OWNER}".encode())
        urls = [self.postgres.url(user, name) for user in (OWNER, SERVICE_ROLE, SUPERUSER)]
        asyncio.run(migrate(urls[0], [MIGRATIONS, PROJECTIONS, HERE.parent / "migrations"], "unused"))
        host = parse_qs(urlsplit(urls[0]).query)["host"][0]
        return Database(name, host, *urls)


@contextmanager
def slow_server() -> Iterator[Server]:
    """Started from the main thread; gone with its files at the end."""
    root = Path(tempfile.mkdtemp(prefix="peiban-bench-"))
    root.chmod(0o755)  # the server may run as another user, who loads the library from here
    library = root / "slow_flush.so"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "slow_flush.c", "-ldl"], check=True)  # noqa: S607 - the machine's compiler
    postgres = EmbeddedPostgres(root, settings=_SETTINGS, environment={"LD_PRELOAD": str(library)})
    postgres.start()
    try:
        yield Server(postgres, postgres.pid)
    finally:
        postgres.stop()
        shutil.rmtree(root)
