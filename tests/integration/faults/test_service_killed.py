"""`kill -9` of the service while dozens of clients write."""

from __future__ import annotations

import asyncio
import random

import psycopg
import pytest

from tests.database import Database
from tests.integration.faults.checker import check, tell_figures
from tests.integration.faults.load import Account, serving
from tests.integration.faults.world import Tally

SEED = 20260302


def kill_and_restart(database: Database, rounds: int) -> Account:
    """At each start the unanswered commands are sent again, and some that were answered."""
    chance = random.Random(SEED)
    account = Account()
    with psycopg.connect(database.owner_url) as owner:
        owner.execute(Tally.SCHEMA.encode())
    for number in range(rounds + 1):
        account.left_open += len(account.open())
        again = account.open() + account.some_answered(chance, 20)
        with serving(account, database.service_url, f"{SEED} {number}", again) as service:
            service.hear(chance.choice((1, chance.randint(2, 60), chance.randint(60, 400))))
            if number < rounds:
                service.kill()
            else:
                service.finish()
    return account


@pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.deep)])
def test_what_a_killed_service_answered_stays_and_what_it_did_not_answer_is_found_out(
    database: Database, rounds: int
) -> None:
    account = kill_and_restart(database, rounds)
    findings = asyncio.run(check(account, database.service_url))
    tell_figures(f"{rounds} kills of the service", account, findings)
    assert (findings.lost, findings.unasked) == ([], [])
    assert account.asked_again >= rounds
    assert account.left_open >= rounds
