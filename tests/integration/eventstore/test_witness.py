"""What a witness has seen cannot be taken back, whoever rules over the database; one that is away holds up nobody."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from eventstore.checkpoint import Checkpoint, NoteError, Signer, sign_checkpoint
from eventstore.connection import connect
from eventstore.evidence import Kept
from eventstore.log import LogTree
from eventstore.witness import (
    FileWitness,
    Witness,
    WitnessAwayError,
    WitnessHoldsError,
    WitnessKeeper,
    WitnessRefusedError,
    show,
)
from service.witness import HttpWitness
from tests.database import Database
from tests.integration.eventstore.exports import WITNESS
from tests.integration.eventstore.logs import KEY, SIGNER, checked, checkpointed, fill, notary, rewrite, tamper
from tests.integration.eventstore.witness_server import WitnessServer


@pytest.fixture
async def server() -> AsyncIterator[WitnessServer]:
    async with WitnessServer(WITNESS, [KEY]).serving() as server:
        yield server


@pytest.fixture(params=["file", "http"])
def witness(request: pytest.FixtureRequest, tmp_path: Path, server: WitnessServer) -> Witness:
    if request.param == "http":
        return HttpWitness(server.url, WITNESS.verifier)
    (tmp_path / "share").mkdir()
    return FileWitness(tmp_path / "share", KEY)


async def shown(database: Database, witness: Witness, checkpoint: Checkpoint, held: int = 0) -> list[Any]:
    connection = await connect(database.service_url)
    try:
        return list(await show(LogTree(connection), witness, checkpoint, held))
    finally:
        await connection.close()


async def grown(database: Database, folder: Path, count: int) -> Checkpoint:
    await fill(database, count)
    checkpoint = await checkpointed(database, folder)
    assert checkpoint is not None
    return checkpoint


async def test_a_witness_follows_a_record_that_grows(database: Database, tmp_path: Path, witness: Witness) -> None:
    first = await grown(database, tmp_path, 5)
    await shown(database, witness, first)
    await shown(database, witness, first, held=5)
    second = await grown(database, tmp_path, 300)
    await shown(database, witness, second)  # it says itself what it holds
    third = await grown(database, tmp_path, 1)
    await shown(database, witness, third, held=305)
    with pytest.raises(WitnessRefusedError):
        await shown(database, witness, first)


async def test_a_rewritten_record_is_refused_by_a_witness_even_when_it_is_signed_with_the_logs_own_key(
    database: Database, tmp_path: Path, witness: Witness
) -> None:
    await shown(database, witness, await grown(database, tmp_path, 300))
    rewrite(database, 7)
    tamper(database, "DELETE FROM peiban_checkpoints; DELETE FROM peiban_tiles")
    forger = tmp_path / "forger"
    assert (await checkpointed(database, forger)) is not None
    assert (await checked(database)).first_bad is None, "the record agrees with itself and with its signatures"
    with pytest.raises(WitnessRefusedError):
        await shown(database, witness, await grown(database, forger, 10))


async def test_another_tree_of_the_same_size_is_refused(database: Database, tmp_path: Path, witness: Witness) -> None:
    await shown(database, witness, await grown(database, tmp_path, 5))
    with pytest.raises(WitnessRefusedError):
        await shown(database, witness, sign_checkpoint(SIGNER, 5, bytes(32)))


async def test_a_checkpoint_signed_by_somebody_else_is_not_taken(
    database: Database, tmp_path: Path, witness: Witness
) -> None:
    await fill(database, 5)
    stranger = Signer(SIGNER.name, bytes(32))
    with pytest.raises((WitnessRefusedError, NoteError)):
        await shown(database, witness, sign_checkpoint(stranger, 5, bytes(32)))


# the folder elsewhere


async def test_the_file_only_grows_and_a_half_written_note_is_no_note(database: Database, tmp_path: Path) -> None:
    witness = FileWitness(tmp_path, KEY)
    await shown(database, witness, await grown(database, tmp_path, 5))
    (file,) = tmp_path.glob("*.checkpoints")  # noqa: ASYNC240
    before = file.read_bytes()
    file.write_bytes(before + before[:40])
    await shown(database, witness, await grown(database, tmp_path, 5))
    assert file.read_bytes().startswith(before)
    held = witness.newest()
    assert held is not None
    assert held.size == 10
    file.write_bytes(file.read_bytes().replace(b"\n10\n", b"\n11\n"))
    with pytest.raises(WitnessRefusedError):
        witness.newest()


async def test_what_the_file_holds_shows_a_rewritten_and_a_shortened_record(database: Database, tmp_path: Path) -> None:
    witness = FileWitness(tmp_path, KEY)
    await shown(database, witness, await grown(database, tmp_path, 40))
    held = witness.newest()
    assert held is not None
    kept = [Kept("share", held)]
    assert (await checked(database, kept=kept)).checkpoints == 2
    tamper(
        database,
        "DELETE FROM peiban_checkpoints; DELETE FROM peiban_events WHERE notification_id > 30;"
        "UPDATE peiban_head SET notification_id = 30",
    )
    bad = (await checked(database, kept=kept)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint, bad.source) == ("rolled-back", 31, 40, "share")
    await fill(database, 10)
    bad = (await checked(database, kept=kept)).first_bad
    assert bad is not None
    assert (bad.what, bad.position, bad.checkpoint) == ("checkpoint-mismatch", 1, 40)


async def test_a_folder_that_is_away_is_told(database: Database, tmp_path: Path) -> None:
    witness = FileWitness(tmp_path / "unmounted", KEY)
    with pytest.raises(WitnessAwayError):
        await shown(database, witness, await grown(database, tmp_path, 5))
    with pytest.raises(OSError, match="No such"):
        witness.newest()


async def test_two_processes_do_not_fork_the_file(database: Database, tmp_path: Path) -> None:
    witness, other = FileWitness(tmp_path, KEY), FileWitness(tmp_path, KEY)
    first, second = await grown(database, tmp_path, 5), await grown(database, tmp_path, 5)
    await shown(database, other, second)
    with pytest.raises(WitnessHoldsError):
        await witness.submit(0, [], str(first))
    with pytest.raises(WitnessRefusedError):
        await shown(database, witness, first)


# over HTTP


async def test_cosignatures_are_verified_and_a_strangers_passed_over(
    database: Database, tmp_path: Path, server: WitnessServer
) -> None:
    checkpoint = await grown(database, tmp_path, 5)
    (line,) = await shown(database, HttpWitness(server.url, WITNESS.verifier), checkpoint)
    assert checkpoint.with_signatures([line]).cosignatures([WITNESS.verifier]) == [line]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.Response(status=500), WitnessAwayError),
        (web.Response(status=302), WitnessAwayError),
        (web.Response(status=404), WitnessRefusedError),
        (web.Response(status=403), WitnessRefusedError),
        (web.Response(status=422), WitnessRefusedError),
        (web.Response(status=409), WitnessRefusedError),
        (web.Response(text="99\n", status=409, content_type="text/x.tlog.size"), WitnessRefusedError),
        (web.Response(text="0\n", status=409, content_type="text/x.tlog.size"), WitnessRefusedError),
        (web.Response(text=""), WitnessAwayError),
        (web.Response(text="x" * 200_000), WitnessAwayError),
        (web.Response(text=str(WITNESS.cosign("other\n5\nAAAA\n", 1))), WitnessAwayError),
        (web.Response(body=b"\xff\xfe"), WitnessAwayError),
    ],
)
async def test_what_a_witness_may_not_say_is_not_taken_for_a_cosignature(
    database: Database, tmp_path: Path, server: WitnessServer, answer: web.Response, error: type[Exception]
) -> None:
    server.broken = answer
    with pytest.raises(error):
        await shown(database, HttpWitness(server.url, WITNESS.verifier), await grown(database, tmp_path, 5))


async def test_nobody_at_the_address_is_a_witness_that_is_away(database: Database, tmp_path: Path) -> None:
    with pytest.raises(WitnessAwayError):
        witness = HttpWitness("http://127.0.0.1:1", WITNESS.verifier)
        await shown(database, witness, await grown(database, tmp_path, 5))


# beside a notary


async def test_a_witness_that_is_away_holds_up_nobody_and_catches_up(
    database: Database, tmp_path: Path, server: WitnessServer
) -> None:
    (tmp_path / "share").mkdir()
    server.broken = web.Response(status=503)
    file, http = FileWitness(tmp_path / "share", KEY), HttpWitness(server.url, WITNESS.verifier)
    signing = notary(database, tmp_path, every=0, look=0.01)
    keeper = WitnessKeeper(lambda: connect(database.service_url), signing, [file, http], again=0.02)
    tasks = [asyncio.create_task(each.run()) for each in (signing, keeper)]
    near, far = keeper.status
    await fill(database, 5)
    await until(lambda: near.size == 5 and far.trouble is not None)
    assert (far.size, far.age) == (0, None)
    await fill(database, 5)
    await until(lambda: near.size == 10)
    server.broken = None
    await until(lambda: far.size == 10 and far.trouble is None)
    assert far.age is not None
    assert far.age < 60
    assert len(far.lines) == 1
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    later = WitnessKeeper(lambda: connect(database.service_url), signing, [http])
    await later._remember(later.status[0])
    assert (later.status[0].size, later.status[0].lines) == (10, far.lines), "known after a restart too"
    assert (await checked(database, cosigners=[WITNESS.verifier])).first_bad is None


async def test_a_split_view_is_told_by_the_keeper(database: Database, tmp_path: Path, server: WitnessServer) -> None:
    server.held[KEY.name] = sign_checkpoint(SIGNER, 3, bytes(32))
    signing = notary(database, tmp_path)
    keeper = WitnessKeeper(
        lambda: connect(database.service_url), signing, [HttpWitness(server.url, WITNESS.verifier)], again=0.02
    )
    task = asyncio.create_task(keeper.run())
    await fill(database, 5)
    await signing.checkpoint_now()
    await until(lambda: isinstance(keeper.status[0].trouble, WitnessRefusedError))
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await signing.close()


async def until(true: Any) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - what is watched are plain values
            await asyncio.sleep(0.005)
