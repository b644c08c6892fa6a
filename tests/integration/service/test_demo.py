"""The demonstration as a newcomer meets it: a process of its own, its own PostgreSQL, its own data folder."""

from __future__ import annotations

import asyncio
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import psycopg
import pytest

from eventstore.checkpoint import Checkpoint, VerifierKey
from projections import PROJECTIONS
from service.config import Settings
from service.database import Database, open_database
from tests.e2e.service import DemoService
from tests.integration.web.world import Browser, file_case

_phones = count(13800138000)
PEIBAN = str(Path(sys.executable).with_name("peiban"))


@pytest.fixture(scope="module")
def running() -> Iterator[DemoService]:
    """One demonstration for the tests of this file; each leaves it running."""
    root = Path(tempfile.mkdtemp(prefix="peiban-test-"))
    root.chmod(0o755)
    service = DemoService(root / "data")
    try:
        service.start()
        yield service
    finally:
        service.stop()
        assert processes_of(service.data) == []
        shutil.rmtree(root)


def processes_of(data: Path) -> list[str]:
    """Command lines of living processes that name the data folder: its PostgreSQL, above all."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # gone meanwhile
            continue
        if str(data) in words:
            found.append(words)
    return found


def wait_until_gone(data: Path) -> None:
    """No parent of ours is left to be waited for: the kernel tells nobody, so we look."""
    deadline = time.monotonic() + 30
    while left := processes_of(data):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def peiban(service: DemoService, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PEIBAN, *words], env=service.environment, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def database(running: DemoService) -> Iterator[Database]:
    with open_database(Settings.read(running.environment), attach=True) as database:
        yield database


def rows_of(database: Database) -> dict[str, list[str]]:
    with psycopg.connect(database.owner_url) as connection:
        return {
            table: [
                str(line)
                for (line,) in connection.execute(
                    f"SELECT to_jsonb(t)::text AS line FROM projections.{table} t ORDER BY line".encode()
                )
            ]
            for projection in PROJECTIONS.values()
            for table in projection.tables
        }


async def apply(service: DemoService) -> str:
    """Files a case over HTTP and returns its number."""
    number = str(next(_phones))  # a second code for the same telephone would have to wait
    async with Browser(service.url) as phone:
        await phone.post("/login/code", {"phone": number})
        texts = [message["text"] for message in await service.messages() if message["to"] == number]
        code = next(word for word in texts[0].replace("，", " ").split() if word.isdigit() and len(word) == 6)
        phone.csrf = (await phone.post("/login/verify", {"phone": number, "code": code}))["csrf"]
        return str((await file_case(phone))["answer"]["number"])


async def test_a_second_start_keeps_logins_and_data(running: DemoService) -> None:
    number, password = await apply(running), running.password
    running.stop()
    assert processes_of(running.data) == []
    running.start()
    assert running.password == password
    async with Browser(running.url) as desk:
        await desk.log_in("sun", password)
        assert (await desk.get(f"/cases/{number}"))["summary"]["number"] == number


def test_a_second_service_on_the_same_folder_is_refused(running: DemoService) -> None:
    done = peiban(running, "demo")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "该数据目录已有服务在运行" in done.stderr


def test_a_port_in_use_is_named_and_nothing_stays_behind(running: DemoService, server_root: Path) -> None:
    other = DemoService(server_root / "data", http_port=running.http_port)
    done = peiban(other, "demo")
    assert (done.returncode, done.stderr.count("\n")) == (3, 1)
    assert "PEIBAN_HTTP_PORT" in done.stderr
    assert processes_of(other.data) == []


async def test_damaged_rows_are_rebuilt_row_for_row_beside_the_running_service(
    running: DemoService, database: Database
) -> None:
    await apply(running)
    before = rows_of(database)
    assert before["progress_v1"]
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("DELETE FROM projections.people_v1")
        connection.execute('UPDATE projections.progress_v1 SET document = document || \'{"status": "granted"}\'')
        connection.execute("UPDATE projections.timeline_v1 SET actor = 'nobody'")
    assert rows_of(database) != before
    done = peiban(running, "rebuild")
    assert (done.returncode, done.stderr) == (0, "")
    assert rows_of(database) == before


async def test_an_altered_event_is_found_and_named(running: DemoService, database: Database) -> None:
    await apply(running)
    sound = peiban(running, "verify")
    assert (sound.returncode, sound.stdout.splitlines()[-1]) == (0, "Everything holds.")
    with psycopg.connect(database.owner_url) as connection:
        connection.execute("ALTER TABLE peiban_events DISABLE TRIGGER append_only")
        connection.execute("UPDATE peiban_events SET state = state || ' ' WHERE notification_id = 3")
        connection.commit()
        found = peiban(running, "verify")
        connection.execute(
            "UPDATE peiban_events SET state = substr(state, 1, length(state) - 1) WHERE notification_id = 3"
        )
        connection.execute("ALTER TABLE peiban_events ENABLE ALWAYS TRIGGER append_only")
    assert (found.returncode, found.stdout.splitlines()[-1]) == (1, "Something does not hold.")
    assert "first bad: position 3" in found.stdout
    assert peiban(running, "verify").returncode == 0


def test_a_recording_that_was_cut_is_found(running: DemoService) -> None:
    folder = running.data / "recordings" / "some-inspection"
    folder.mkdir(parents=True)
    journal = folder / "guest-x-001.journal"
    journal.write_bytes(b"not a journal")
    found = peiban(running, "verify")
    shutil.rmtree(folder)
    assert found.returncode == 1
    assert journal.name in found.stdout


def test_kill_9_leaves_no_process_and_the_next_start_keeps_its_data(running: DemoService) -> None:
    running.kill()
    wait_until_gone(running.data)
    running.start()
    assert peiban(running, "verify").returncode == 0


async def test_a_database_killed_under_the_running_service_comes_back_by_itself(running: DemoService) -> None:
    before, told = await apply(running), len(running.printed())
    gone = kill_database(running)
    database = server_of(running)
    assert database != gone
    assert await apply(running) != before
    async with Browser(running.url) as anyone:
        while (await anyone.get("/site/readyz")).status != 200:  # noqa: ASYNC110 - another process gets ready
            await asyncio.sleep(0.05)
    printed = running.printed()[told:]
    assert printed.count("内置数据库意外停止，已自动重新启动") == 1
    assert printed.count("the embedded database ended and was started again") == 1
    assert '"trace"' not in printed
    assert len(printed.splitlines()) < 30, printed
    assert peiban(running, "verify").returncode == 0


def test_a_database_that_dies_again_and_again_ends_the_service_with_one_sentence(server_root: Path) -> None:
    service = DemoService(server_root / "data")
    service.start()
    assert service.process is not None
    try:
        for _ in range(4):
            kill_database(service)
        assert service.process.wait(60) == 3
    finally:
        service.stop()
    assert "peiban: 内置数据库一再意外停止，服务已结束" in service.printed()
    assert processes_of(service.data) == []


def server_of(service: DemoService) -> int:
    """The database server's pid, once it takes connections."""
    file = service.data / "database" / "data" / "cluster" / "postmaster.pid"
    deadline = time.monotonic() + 30
    while True:
        with suppress(OSError, IndexError, ValueError):
            lines = file.read_text().splitlines()
            if lines[7].strip() == "ready" and Path(f"/proc/{lines[0]}").exists():
                return int(lines[0])
        assert time.monotonic() < deadline, service.printed()
        time.sleep(0.02)


def kill_database(service: DemoService) -> int:
    """As the kernel does when memory runs out. Returns when the process is gone."""
    pid = server_of(service)
    descriptor = os.pidfd_open(pid)
    os.kill(pid, signal.SIGKILL)
    assert select.select([descriptor], [], [], 30)[0]
    os.close(descriptor)
    while Path(f"/proc/{pid}").exists():  # until its parent has seen it
        time.sleep(0.01)
    return pid


def test_it_ends_with_the_process_that_started_it(running: DemoService) -> None:
    running.stop()
    script = f'"{PEIBAN}" demo --end-with-parent & echo started; wait'
    log = running.data.parent / "parent.log"
    with log.open("wb") as out:
        shell = subprocess.Popen(["/bin/bash", "-c", script], env=running.environment, stdout=out, stderr=out)
    deadline = time.monotonic() + 60
    while b"password for all" not in log.read_bytes():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    shell.kill()
    shell.wait()
    wait_until_gone(running.data)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", running.http_port))
    running.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root's server runs as another user")
def test_root_may_keep_its_data_below_a_closed_home(server_root: Path) -> None:
    home = server_root / "home"
    home.mkdir(mode=0o700)
    service = DemoService(home / "data")
    try:
        service.start()
        assert home.stat().st_mode & 0o777 == 0o700
        pointer = Path((service.data / "database" / "location.txt").read_text().strip())
    finally:
        service.stop()
    shutil.rmtree(pointer)


async def test_the_record_is_signed_published_and_exported_beside_the_running_service(
    running: DemoService, tmp_path: Path
) -> None:
    await apply(running)
    exported = await asyncio.to_thread(peiban, running, "export", str(tmp_path / "record.jsonl"))
    assert exported.returncode == 0, exported.stderr
    key = exported.stdout.split()[-1]
    checked = await asyncio.to_thread(peiban, running, "verify", str(tmp_path / "record.jsonl"), "--key", key)
    assert checked.stdout.endswith("Everything holds.\n")
    async with Browser(running.url) as browser:
        answer = await browser.get("/log/checkpoint")
    Checkpoint.parse(answer.body.decode()).verify(VerifierKey.parse(key))
