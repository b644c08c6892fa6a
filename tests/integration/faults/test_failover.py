"""`kill -9` of a primary whose standby then takes over, while dozens of clients write."""

from __future__ import annotations

import asyncio
import random

import pytest

from eventstore import EventStore, RecordUnavailableError
from eventstore.migrate import SERVICE_ROLE
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.faults.checker import check, tell_figures
from tests.integration.faults.load import Account, serving
from tests.integration.faults.servers import Pair
from tests.integration.faults.world import KEYS

SEED = 20260304


@pytest.fixture
def pair(two_servers: Pair) -> Pair:
    two_servers.begin(synchronous=True)
    return two_servers


def fail_over(pair: Pair, rounds: int) -> Account:
    """The old primary comes back as the new one's standby; the service finds by itself who is who."""
    chance = random.Random(SEED)
    account = Account()
    with serving(account, pair.service_url, str(SEED)) as service:
        for _ in range(rounds):
            service.hear(chance.randint(1, 300))
            pair.kill_primary()
            pair.promote()
            pair.make_standby()
        service.hear(100)
        service.finish()
    return account


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.deep)])
def test_a_promoted_standby_has_all_that_was_answered_and_the_service_goes_over_by_itself(
    pair: Pair, rounds: int
) -> None:
    account = fail_over(pair, rounds)
    findings = asyncio.run(check(account, pair.service_url))
    tell_figures(f"{rounds} kills of the primary", account, findings)
    assert (findings.lost, findings.unasked) == ([], [])
    assert set(account.unsure) <= {"outcome-unknown", "record-unavailable"}
    assert account.unsure.total() >= rounds


async def test_while_no_host_is_the_primary_the_answer_is_unavailable(pair: Pair) -> None:
    """Between the end of the old one and the promotion there is only a standby, which takes nothing."""
    store = await EventStore.open(pair.service_url, keys=KEYS)
    ledger = await open_ledger(store)
    pair.kill_primary()
    for _ in range(3):  # also when the loss of the first connections has been noticed
        with pytest.raises(RecordUnavailableError):
            await add_note(store, ledger, 1)
    pair.promote()
    pair.confirm_by("")
    assert (await add_note(store, ledger, 2)).position == 2
    await store.close()


async def test_a_host_that_is_only_a_standby_is_not_the_record(pair: Pair) -> None:
    url = f"{pair.standby.url(SERVICE_ROLE, pair.database)}&target_session_attrs=primary"
    with pytest.raises(RecordUnavailableError):
        await EventStore.open(url, keys=KEYS)
