"""No space is left under the database's tables, or under its log.

Only root may mount a file system of bounded size, so only root runs these; nothing that is tested depends on the user.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from eventstore import EventStore, OutcomeUnknownError, RecordUnavailableError, UnitOfWork, verify
from eventstore.embedded import DATABASE, SUPERUSER, EmbeddedPostgres
from eventstore.migrate import SERVICE_ROLE
from tests.integration.eventstore.ledger import Ledger, open_ledger
from tests.integration.faults.servers import ask, prepare
from tests.integration.faults.world import KEYS, OWNER

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a file system of bounded size")

MEGABYTE = 1 << 20
SIZE = 200  # megabytes; an empty cluster with its log takes some 100
SETTINGS = {"max_wal_size": "32MB", "min_wal_size": "32MB", "fsync": "off", "shared_buffers": "16MB"}
LONG = 60_000  # characters that do not compress to nothing


@pytest.fixture
def small_disk(server_root: Path) -> Iterator[Path]:
    folder = server_root / "small"
    folder.mkdir()
    subprocess.run(["/bin/mount", "-t", "tmpfs", "-o", f"size={SIZE}m,mode=755", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["/bin/umount", folder], check=True)


@contextmanager
def filled(folder: Path, *, left: int) -> Iterator[None]:
    """A file that leaves so many bytes free, until the context ends."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(folder).free - left))
    try:
        yield
    finally:
        ballast.unlink()


def move(server: EmbeddedPostgres, name: str, folder: Path) -> None:
    """Puts a part of the stopped cluster onto another file system."""
    part = server.data_folder / name
    owner = part.stat()
    subprocess.run(["/bin/cp", "-a", part, folder / name], check=True)
    shutil.rmtree(part)
    part.symlink_to(folder / name)
    os.chown(part, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextmanager
def server_with(part: str, folder: Path, server_root: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(server_root, settings=SETTINGS)
    server.start()
    try:
        prepare(server)
        data = server.data_folder
        server.stop()
        assert data == server.data_folder
        move(server, part, folder)
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def small_tables(small_disk: Path, server_root: Path) -> Iterator[EmbeddedPostgres]:
    with server_with("base", small_disk, server_root) as server:
        yield server


@pytest.fixture
def small_log(small_disk: Path, server_root: Path) -> Iterator[EmbeddedPostgres]:
    with server_with("pg_wal", small_disk, server_root) as server:
        yield server


async def write(store: EventStore, ledger: UUID, command_id: UUID) -> None:
    """A large event and a large vault entry, on two streams."""
    text = os.urandom(LONG // 2).hex()

    async def decide(work: UnitOfWork) -> dict[str, str]:
        (await work.get(Ledger, ledger)).name_owner((await work.seal(OWNER, ledger, {"name": text}))["name"])
        work.add(Ledger.open(uuid4(), text))
        return {}

    await store.execute(command_id, decide)


async def write_until_full(store: EventStore, ledger: UUID) -> tuple[list[UUID], UUID, type[Exception]]:
    """The commands that were answered, the one that was not, and what it was told."""
    answered: list[UUID] = []
    for _ in range(2000):
        command_id = uuid4()
        try:
            await write(store, ledger, command_id)
        except (RecordUnavailableError, OutcomeUnknownError) as error:
            return answered, command_id, type(error)
        answered.append(command_id)
    raise AssertionError("the disk does not fill up")


async def nothing_is_half(store: EventStore, server: EmbeddedPostgres, commands: int) -> None:
    """Each command left two events, one entry and its answer, or nothing."""
    report = await verify(server.url(SERVICE_ROLE))
    assert (report.first_bad, report.events) == (None, 1 + 2 * commands)
    assert ask(server, "SELECT count(*) FROM vault.entries", SUPERUSER, DATABASE) == commands
    assert ask(server, "SELECT count(*) FROM peiban_commands", SUPERUSER, DATABASE) == commands + 1
    assert await store.head() == 1 + 2 * commands


async def test_when_the_tables_have_no_room_writes_are_refused_reads_go_on_and_space_is_enough_to_go_on(
    small_tables: EmbeddedPostgres, small_disk: Path
) -> None:
    server = small_tables
    store = await EventStore.open(server.url(SERVICE_ROLE), keys=KEYS)
    ledger = await open_ledger(store)
    with filled(small_disk, left=4 * MEGABYTE):
        answered, refused, told = await write_until_full(store, ledger)
        assert told is RecordUnavailableError  # which says that nothing was stored
        with pytest.raises(RecordUnavailableError, match="DiskFull"):
            await write(store, ledger, refused)
        await nothing_is_half(store, server, len(answered))
        assert (await store.get(Ledger, ledger)).title == "notes"
    await write(store, ledger, refused)
    await nothing_is_half(store, server, len(answered) + 1)
    await store.close()


async def test_when_the_log_has_no_room_the_server_ends_and_has_everything_when_there_is_space(
    small_log: EmbeddedPostgres, small_disk: Path, server_root: Path
) -> None:
    """PostgreSQL gives up where it cannot write its log. Whoever watches over it starts it; the service lives on."""
    server = small_log
    store = await EventStore.open(server.url(SERVICE_ROLE), keys=KEYS)
    ledger = await open_ledger(store)
    with filled(small_disk, left=MEGABYTE):
        answered, open_command, _ = await write_until_full(store, ledger)
        with pytest.raises((RecordUnavailableError, OutcomeUnknownError)):
            await write(store, ledger, open_command)
        server.stop()
        assert "No space left on device" in (server_root / "server.log").read_text()
    server.start()
    for command_id in (*answered[-3:], open_command):
        await write(store, ledger, command_id)
    await nothing_is_half(store, server, len(answered) + 1)
    await store.close()
