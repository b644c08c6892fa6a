"""`kill -9` of a primary whose standby then takes over, while dozens of clients write."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from eventstore import EventStore, Outcome, OutcomeUnknownError, RecordUnavailableError
from eventstore.migrate import SERVICE_ROLE
from projections import Runner, open_pool
from tests.integration.eventstore.ledger import add_note, open_ledger
from tests.integration.faults.checker import check, tell_figures
from tests.integration.faults.load import Account, serving
from tests.integration.faults.servers import Pair, folder_of
from tests.integration.faults.world import KEYS, Tally

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
            assert pair.is_confirmed()
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


async def test_while_no_host_is_the_primary_the_answer_is_unavailable(pair: Pair) -> None:
    """Between the end of the old one and the promotion there is only a standby, which takes nothing."""
    store = await EventStore.open(pair.service_url, keys=KEYS)
    ledger = await open_ledger(store)
    pair.kill_primary()
    for _ in range(3):  # also when the loss of the first connections has been noticed
        with pytest.raises(RecordUnavailableError):
            await add_note(store, ledger, 1)
    pair.promote()
    pair.go_on_alone()
    assert (await add_note(store, ledger, 2)).position == 2
    await store.close()


async def test_a_host_that_is_only_a_standby_is_not_the_record(pair: Pair) -> None:
    url = f"{pair.standby.url(SERVICE_ROLE, pair.database)}&target_session_attrs=primary"
    with pytest.raises(RecordUnavailableError):
        await EventStore.open(url, keys=KEYS)


async def test_an_address_that_leads_to_the_standby_too_early_only_has_to_be_waited_for(
    pair: Pair, server_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One address that is moved: for a while it leads to a server that takes nothing yet."""
    here = server_root / "here"
    here.symlink_to(folder_of(pair.primary))
    url = f"postgresql://{SERVICE_ROLE}@/{pair.database}?host={here}"
    store = await EventStore.open(url, keys=KEYS)
    ledger, command_id = await open_ledger(store), uuid4()
    pair.kill_primary()
    here.unlink()
    here.symlink_to(folder_of(pair.standby))
    pool = await open_pool(url, size=2)
    async with Runner(store, pool, [Tally()], lambda: datetime.now(UTC)) as runner:
        with pytest.raises((RecordUnavailableError, OutcomeUnknownError)):  # it was sent to the old one, if to any
            await add_note(store, ledger, 1, command_id)
        with pytest.raises(RecordUnavailableError):
            await store.vault.cipher(uuid4(), uuid4())
        while "projection test_tally" not in caplog.text:  # noqa: ASYNC110 - it tells only the log
            await asyncio.sleep(0.01)
        assert [status.state for status in await runner.status()] == ["running"]
        pair.promote()
        pair.go_on_alone()
        assert await add_note(store, ledger, 1, command_id) == Outcome({"notes": 1}, 2, replayed=False)
        assert await runner.wait_for(2, timeout=30)
    await pool.close()
    await store.close()
