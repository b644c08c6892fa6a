"""The newest checkpoint is everybody's to read; how the log is doing, Prometheus learns."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventstore import Notary
from eventstore.checkpoint import Checkpoint
from eventstore.findings import Finding
from eventstore.witness import FileWitness, Witnessing
from tests.database import Database
from tests.integration.eventstore.exports import WITNESS
from tests.integration.eventstore.logs import KEY, notary
from tests.integration.web.world import Browser, World


@pytest.fixture
async def signing(world: World, database: Database, tmp_path: Path) -> AsyncIterator[tuple[Notary, Witnessing]]:
    """The world's services are frozen and made without a notary: one is put in before anybody asks."""
    signing, seen = notary(database, tmp_path), Witnessing(FileWitness(tmp_path / "share", KEY))
    object.__setattr__(world.services, "notary", signing)
    object.__setattr__(world.services, "witnessing", [seen])
    yield signing, seen
    await signing.close()


async def test_before_anything_was_signed_there_is_nothing(browser: Browser) -> None:
    assert (await browser.get("/log/checkpoint")).status == 404


async def test_anybody_reads_the_newest_checkpoint_with_its_cosignatures(
    signing: tuple[Notary, Witnessing], browser: Browser
) -> None:
    notary, seen = signing
    newest = await notary.checkpoint_now()
    assert newest is not None
    seen.size, seen.at, seen.lines = newest.size, 0.0, [WITNESS.cosign(newest.body, 1_700_000_000)]
    answer = await browser.get("/log/checkpoint")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    told = Checkpoint.parse(answer.body.decode())
    told.verify(KEY)
    assert told.size == newest.size > 0
    assert told.cosignatures([WITNESS.verifier]) == seen.lines


async def test_metrics_tell_of_the_log(signing: tuple[Notary, Witnessing], browser: Browser) -> None:
    notary, seen = signing
    text = (await browser.get("/site/metrics")).body.decode()
    assert "peiban_log_refused 0.0" in text
    assert f'peiban_log_witnessed_age_seconds{{witness="{seen.witness.name}"}} +Inf' in text
    newest = await notary.checkpoint_now()
    assert newest is not None
    notary.problem = Finding("flip", 1)
    text = (await browser.get("/site/metrics")).body.decode()
    assert f"peiban_log_checkpoint_size {float(newest.size)}" in text
    assert "peiban_log_refused 1.0" in text
