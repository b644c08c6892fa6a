"""The service as a newcomer starts it: `peiban demo`, a process of its own on free ports of this machine."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

_START_SECONDS = 60.0


def free_port(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class DemoService:
    data: Path
    http_port: int = field(default_factory=free_port)
    media_port: int = field(default_factory=lambda: free_port(socket.SOCK_DGRAM))
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://localhost:{self.http_port}"

    @property
    def log(self) -> Path:
        return self.data.parent / f"{self.data.name}.log"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PEIBAN_DATA_DIR": str(self.data),
            "PEIBAN_HTTP_PORT": str(self.http_port),
            "PEIBAN_TLS_PORT": "0",
            "PEIBAN_MEDIA_HOST": "127.0.0.1",
            "PEIBAN_MEDIA_PORT": str(self.media_port),
            "PEIBAN_MEDIA_ADDRESSES": "127.0.0.1",
        }

    def start(self) -> None:
        """Returns when logins are printed, that is when everything is ready."""
        started = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [_command(), "demo"], env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        deadline = time.monotonic() + _START_SECONDS
        while b"password for all" not in self.log.read_bytes()[started:]:
            assert self.process.poll() is None, self.printed()
            assert time.monotonic() < deadline, self.printed()
            time.sleep(0.05)

    def printed(self) -> str:
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def password(self) -> str:
        found = re.search(r"password for all: (\S+)", self.printed())
        assert found, self.printed()
        return found[1]

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(30)

    def kill(self) -> None:
        """As a power cut would end the process: no handler runs."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def processes(self) -> dict[int, str]:
        """Everything that works on the data folder, the database's own processes too: pid → command line."""
        found = {}
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # it ended while we looked
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.data) in command or (process / "cwd").readlink().is_relative_to(self.data):
                    found[int(process.name)] = command
        return found

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another command of `peiban` on the same data."""
        command = [_command(), *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    async def messages(self) -> list[dict[str, str]]:
        """What the outbox shows, newest first."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/api/v1/outbox") as answer:
            assert answer.status == 200
            found: list[dict[str, str]] = (await answer.json())["messages"]
            return found


def _command() -> str:
    return str(Path(sys.executable).with_name("peiban"))
