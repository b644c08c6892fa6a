"""Servers of a test's own, with all tables, that may be killed, filled up or left behind."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg

from eventstore.embedded import DATABASE, OWNER, SUPERUSER, EmbeddedPostgres
from eventstore.embedded_place import find_place
from eventstore.migrate import SERVICE_ROLE, migrate
from tests.database import PASSWORD, migration_folders
from tests.integration.faults.world import Tally

_STANDBY = "standby"

_KEEPS_UP = """
SELECT count(*) FROM pg_stat_replication
WHERE state = 'streaming' AND replay_lsn = pg_current_wal_lsn()
    AND sync_state = CASE current_setting('synchronous_standby_names') WHEN '' THEN 'async' ELSE 'sync' END
"""

# Who has confirmed a commit is what counts here; killed processes leave the kernel's pages as they are.
_QUICK = {"fsync": "off", "full_page_writes": "off"}


def prepare(server: EmbeddedPostgres) -> None:
    asyncio.run(migrate(server.url(OWNER), migration_folders(), PASSWORD))
    ask(server, Tally.SCHEMA, OWNER, DATABASE)


def ask(server: EmbeddedPostgres, statement: str, user: str = SUPERUSER, database: str = "postgres") -> Any:
    """The first row's first column, if there is any."""
    with psycopg.connect(server.url(user, database), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        row = cursor.fetchone() if cursor.description else None
    return row[0] if row else None


def folder_of(server: EmbeddedPostgres) -> Path:
    """Where its socket lies."""
    return Path(parse_qs(urlsplit(server.url()).query)["host"][0])


class Pair:
    """A primary and its standby, in folders whose addresses stay while the roles change. Each test gets a new database.

    synchronous: the primary answers no commit before the standby has it too, also after a change of roles.
    """

    def __init__(self, root: Path) -> None:
        self._roots = [root / "a", root / "b"]
        self._servers: list[EmbeddedPostgres] = []
        self._primary = 0
        self._numbers = count(1)
        self.database = ""

    @property
    def primary(self) -> EmbeddedPostgres:
        return self._servers[self._primary]

    @property
    def standby(self) -> EmbeddedPostgres:
        return self._servers[1 - self._primary]

    @property
    def service_url(self) -> str:
        folders = ",".join(str(folder_of(server)) for server in self._servers)
        return f"postgresql://{SERVICE_ROLE}@/{self.database}?host={folders}&target_session_attrs=primary"

    @property
    def owner_url(self) -> str:
        return self.primary.url(OWNER, self.database)

    def start(self) -> None:
        for root in self._roots:
            root.mkdir(mode=0o755)
            root.chmod(0o755)
        first = EmbeddedPostgres(self._roots[0], settings=_QUICK)
        self._servers = [first, EmbeddedPostgres(self._roots[1])]
        first.start()
        prepare(first)
        _let_standbys_in(first)
        self.make_standby()

    def begin(self, *, synchronous: bool) -> None:
        """Whatever the test before has left behind: two servers, one following the other, and an empty database."""
        _confirm_by(self.primary, "")
        if not ask(self.primary, "SELECT count(*) FROM pg_stat_replication"):
            self.standby.stop()
            self.make_standby()
        if self.database:
            ask(self.primary, f"DROP DATABASE {self.database} WITH (FORCE)")
        self.database = f"test_{next(self._numbers)}"
        ask(self.primary, f"CREATE DATABASE {self.database} TEMPLATE {DATABASE} OWNER {OWNER}")
        for server in self._servers:  # the standby's file is its own: it counts when it takes over
            _confirm_by(server, _STANDBY if synchronous else "")
        self.await_standby()

    def stop(self) -> None:
        for server in self._servers:
            server.stop()

    def kill_primary(self) -> None:
        os.kill(self.primary.pid, signal.SIGKILL)
        self.primary.stop()

    def promote(self) -> None:
        """The standby takes over; the old primary is not heard of again until `make_standby`."""
        assert ask(self.standby, "SELECT pg_promote()")
        self._primary = 1 - self._primary

    def make_standby(self) -> None:
        """Copies the primary into the other folder and starts it there."""
        place = find_place(self._roots[1 - self._primary])
        if place.cluster.exists():
            shutil.rmtree(place.cluster)
        binaries = Path(f"/proc/{self.primary.pid}/exe").readlink().parent
        _run_as_server(self.primary, binaries / "pg_basebackup", "-D", place.cluster, "-c", "fast", "-N",
                       "-d", f"host={folder_of(self.primary)} user={SUPERUSER}")  # fmt: skip
        signal_file = place.cluster / "standby.signal"
        signal_file.touch(mode=0o600)
        os.chown(signal_file, place.user.uid, place.user.gid)
        self._servers[1 - self._primary] = EmbeddedPostgres(self._roots[1 - self._primary], settings=self._conninfo())
        self.start_standby()

    def start_standby(self) -> None:
        """Returns when it has caught up, and confirms if it is to."""
        self.standby.start()
        self.await_standby()

    def await_standby(self) -> None:
        until(self.primary, _KEEPS_UP)

    def go_on_alone(self) -> None:
        """What an operator does who has no second server."""
        _confirm_by(self.primary, "")

    def is_confirmed(self) -> bool:
        return bool(ask(self.primary, "SELECT sync_state FROM pg_stat_replication") == "sync")

    def _conninfo(self) -> Mapping[str, str]:
        host = folder_of(self.primary)
        return {
            "primary_conninfo": f"host={host} user={SUPERUSER} application_name={_STANDBY}",
            "wal_retrieve_retry_interval": "100ms",
            **_QUICK,
        }


def _confirm_by(server: EmbeddedPostgres, name: str) -> None:
    """Whose word its commits wait for; nobody's when empty."""
    ask(server, f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
    ask(server, "SELECT pg_reload_conf()")


def until(server: EmbeddedPostgres, question: str) -> None:
    """Asks until the answer is true. The database has no event to wait for."""
    with psycopg.connect(server.url(SUPERUSER, "postgres"), autocommit=True) as connection:
        while not (connection.execute(question.encode()).fetchone() or [None])[0]:
            connection.execute("SELECT pg_sleep(0.01)")


def _let_standbys_in(server: EmbeddedPostgres) -> None:
    name = pwd.getpwuid(server.data_folder.stat().st_uid).pw_name
    with (server.data_folder / "pg_hba.conf").open("a") as file:
        file.write("local replication all peer map=peiban\n")
    with (server.data_folder / "pg_ident.conf").open("a") as file:
        file.write(f'peiban "{name}" all\n')
    ask(server, "SELECT pg_reload_conf()")


def _run_as_server(server: EmbeddedPostgres, *words: str | Path) -> None:
    owner = server.data_folder.stat()
    identity: dict[str, Any] = {}
    if os.geteuid() == 0:
        identity = {"user": owner.st_uid, "group": owner.st_gid, "extra_groups": []}
    done = subprocess.run([*map(str, words)], cwd="/", capture_output=True, text=True, check=False, **identity)
    assert done.returncode == 0, done.stderr
