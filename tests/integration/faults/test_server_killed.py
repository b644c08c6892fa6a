"""`kill -9` of the database server while dozens of clients write through a service that lives on."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from eventstore.embedded import SUPERUSER, EmbeddedPostgres
from eventstore.migrate import SERVICE_ROLE
from tests.integration.faults.checker import check, tell_figures
from tests.integration.faults.load import Account, serving
from tests.integration.faults.servers import prepare

SEED = 20260303


@pytest.fixture
def server(server_root: Path) -> Iterator[EmbeddedPostgres]:
    """As it is shipped: what it has committed is on the disk."""
    server = EmbeddedPostgres(server_root)
    server.start()
    try:
        prepare(server)
        with psycopg.connect(server.url(SUPERUSER)) as connection:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                assert connection.execute(f"SHOW {setting}".encode()).fetchone() == ("on",)
        yield server
    finally:
        server.stop()


def kill_and_start(server: EmbeddedPostgres, rounds: int) -> Account:
    """Nobody restarts the service: its clients ask until they know, and what follows goes on by itself."""
    chance = random.Random(SEED)
    account = Account()
    with serving(account, server.url(SERVICE_ROLE), str(SEED)) as service:
        for _ in range(rounds):
            service.hear(chance.randint(1, 150))
            os.kill(server.pid, signal.SIGKILL)
            server.stop()
            server.start()
        service.hear(100)
        service.finish()
    return account


@pytest.mark.parametrize("rounds", [6, pytest.param(20, marks=pytest.mark.deep)])
def test_a_killed_server_has_all_that_was_answered_and_the_service_goes_on_by_itself(
    server: EmbeddedPostgres, rounds: int
) -> None:
    account = kill_and_start(server, rounds)
    findings = asyncio.run(check(account, server.url(SERVICE_ROLE)))
    tell_figures(f"{rounds} kills of the server", account, findings)
    assert (findings.lost, findings.unasked) == ([], [])
    assert set(account.unsure) <= {"outcome-unknown", "record-unavailable"}
