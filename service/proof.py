"""What the command line does with the log: the record held against witnesses, exports, receipts, files of strangers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from eventstore.checkpoint import Checkpoint, NoteError, VerifierKey
from eventstore.connection import connect
from eventstore.errors import EventStoreError
from eventstore.evidence import Kept, verify
from eventstore.export import PAGE, export, prove
from eventstore.findings import Report
from eventstore.log import LogTree
from eventstore.notary import Notary, NotaryRefusedError
from eventstore.offline import FileReport, verify_file
from eventstore.witness import WitnessRefusedError, show
from service.config import SettingError, Settings
from service.database import Database, open_database
from service.keys import log_folder, log_key, log_signer
from service.private_files import write_private
from service.witness import file_witness, http_witnesses

BAR = 32


@dataclass(frozen=True)
class Doubt:
    """Something that was found beside the record itself. grave: it speaks against the record."""

    words: str
    grave: bool


def bar(name: str) -> Callable[[int, int], None]:
    def draw(done: int, total: int) -> None:
        filled = BAR * done // total if total else BAR
        print(f"\r{name:<12} {'█' * filled}{'░' * (BAR - filled)} {done}/{total}", end="", flush=True)

    return draw


def terminal_bar(name: str) -> Callable[[int, int], None] | None:
    """Only for somebody who looks: what goes into a file or a pipe stays plain."""
    if not sys.stdout.isatty():
        return None
    draw = bar(name)

    def draw_and_leave(done: int, total: int) -> None:
        draw(done, total)
        if done >= total:
            print()

    return draw_and_leave


# the record where it lies


async def verify_with_witnesses(settings: Settings, url: str) -> tuple[Report, list[Doubt]]:
    """Against everything that is kept outside the database, and every witness that can be asked."""
    key = log_key(settings)
    doubts: list[Doubt] = []
    kept = _kept(settings, key, doubts) if key else []
    asked = http_witnesses(settings)
    report = await verify(
        url, key=key, cosigners=[each.key for each in asked], kept=kept, progress=terminal_bar("verify")
    )
    refused = log_folder(settings) / "refused"
    if refused.exists():
        doubts.append(Doubt(f"公证任务已拒绝签名。 The notary has refused to sign: read {refused}", True))
    if report.first_bad is None:
        doubts += await _ask(settings, url)
    return report, doubts


def _kept(settings: Settings, key: VerifierKey, doubts: list[Doubt]) -> list[Kept]:
    kept = []
    file = log_folder(settings) / "newest"
    with suppress(FileNotFoundError):
        try:
            kept.append(Kept(str(file), Checkpoint.parse(file.read_text(encoding="utf-8"))))
        except (NoteError, UnicodeDecodeError):
            doubts.append(Doubt(f"{file} does not hold a checkpoint", True))
    if witness := file_witness(settings, key):
        try:
            if held := witness.newest():
                kept.append(Kept(witness.name, held))
            else:
                doubts.append(Doubt(f"{witness.name} holds nothing yet", False))
        except OSError as error:
            doubts.append(Doubt(f"{witness.name} is away: {error.strerror}", False))
        except WitnessRefusedError as error:
            doubts.append(Doubt(str(error), True))
    return kept


async def _ask(settings: Settings, url: str) -> list[Doubt]:
    """Shows each witness the newest checkpoint: it takes it only if what it holds is the beginning of that."""
    doubts = []
    connection = await connect(url)
    try:
        log = LogTree(connection)
        row = await log.newest_row()
        for witness in http_witnesses(settings) if row else ():
            assert row is not None
            try:
                await show(log, witness, Checkpoint.parse(row["note"]))
            except EventStoreError as error:
                doubts.append(Doubt(str(error), isinstance(error, WitnessRefusedError)))
    finally:
        await connection.close()
    return doubts


# files


def run_export(settings: Settings, target: Path) -> int:
    with open_database(settings, attach=True) as database:
        try:
            events = asyncio.run(_export(settings, database, target))
        except NotaryRefusedError as refused:
            print(f"peiban: {refused}", file=sys.stderr)
            return 1
    print(f"{events} events in {target}; {PAGE.name} beside it verifies the file in any browser, without a network.")
    print(f"key         {log_signer(settings).verifier}")
    return 0


async def _export(settings: Settings, database: Database, target: Path) -> int:
    await _checkpoint(settings, database)
    cosigners = [each.key for each in http_witnesses(settings)]
    key = log_signer(settings).verifier
    return await export(database.service_url, target, key, cosigners=cosigners, progress=terminal_bar("export"))


async def _checkpoint(settings: Settings, database: Database) -> None:
    """A fresh one, so that every event is covered."""
    if database.owner_url:
        await database.migrate()
    notary = Notary(partial(connect, database.service_url), log_signer(settings), log_folder(settings))
    try:
        await notary.checkpoint_now()
    finally:
        await notary.close()


def run_prove(settings: Settings, position: int, target: Path | None) -> int:
    with open_database(settings, attach=True) as database:
        try:
            receipt = asyncio.run(_prove(settings, database, position))
        except NotaryRefusedError as refused:
            print(f"peiban: {refused}", file=sys.stderr)
            return 1
    file = target or Path(f"receipt-{position}.json")
    write_private(file, receipt)
    print(f"receipt     {file}: event {position} and its way to a signed checkpoint")
    return 0


async def _prove(settings: Settings, database: Database, position: int) -> bytes:
    await _checkpoint(settings, database)
    cosigners = [each.key for each in http_witnesses(settings)]
    return await prove(database.service_url, position, log_signer(settings).verifier, cosigners=cosigners)


def run_verify_file(file: Path, key: str, checkpoint: Path | None) -> int:
    """0 when the file holds, 1 when it does not; no database and no settings are needed."""
    try:
        expected = VerifierKey.parse(key.strip()) if key else None
        newer = [Checkpoint.parse(checkpoint.read_text(encoding="utf-8"))] if checkpoint else []
        for each in newer if expected else ():
            assert expected is not None
            each.verify(expected)
    except (NoteError, UnicodeDecodeError) as error:
        raise SettingError(f"--key or --checkpoint: {error}") from error
    report = verify_file(file, key=expected, newer=newer, progress=terminal_bar("verify"))
    _tell(report)
    if report.first_bad is not None:
        print("Something does not hold.")
        return 1
    if expected is None:
        print("            Compare the key with the one that was published: anybody can sign with a key of his own.")
    print("Everything holds.")
    return 0


def _tell(report: FileReport) -> None:
    if report.kind == "record":
        print(f"record      {report.events} of {report.head} events in {report.streams} streams")
    else:
        print(f"receipt     for position {report.head}")
    print(f"checkpoints {report.checkpoints}, cosignatures {report.cosignatures}")
    if report.vkey:
        print(f"key         {report.vkey}")
    if report.first_bad is not None:
        print(f"            first bad: {report.first_bad.place}")
        print(f"            {report.first_bad.zh}\n            {report.first_bad.en}")
