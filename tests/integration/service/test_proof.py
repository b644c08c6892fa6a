"""The command line and the log: export, prove and verify, on a data folder of its own, against witnesses elsewhere."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore.checkpoint import Checkpoint, Signer
from eventstore.connection import connect
from eventstore.log import LogTree
from eventstore.witness import FileWitness, show
from service.cli import main
from service.config import SettingError, Settings
from service.errors import KeyFileError
from service.keys import log_key, log_signer
from service.witness import http_witnesses
from tests.database import Database
from tests.integration.eventstore.exports import WITNESS
from tests.integration.eventstore.logs import fill, rewrite, tamper


@pytest.fixture
def installation(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder and a database with 300 events; the commands are run in its folder."""
    monkeypatch.setenv("PEIBAN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("PEIBAN_SERVICE_DATABASE_URL", database.service_url)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "share").mkdir()
    asyncio.run(fill(database, 300))
    yield tmp_path


Told = pytest.CaptureFixture[str]


def key_of(folder: Path) -> str:
    key = log_key(Settings.read({"PEIBAN_DATA_DIR": str(folder / "data")}))
    assert key is not None
    return str(key)


def test_what_is_exported_is_covered_whole_and_verifies(installation: Path, capsys: Told) -> None:
    assert main(["export", "record.jsonl"]) == 0
    assert "300 events in record.jsonl" in capsys.readouterr().out
    assert (installation / "verify.html").exists()
    assert main(["verify", "record.jsonl", "--key", key_of(installation)]) == 0
    told = capsys.readouterr().out
    assert "300 of 300 events in 300 streams" in told
    assert told.endswith("Everything holds.\n")
    assert main(["verify", "record.jsonl"]) == 0
    assert "Compare the key" in capsys.readouterr().out
    assert (installation / "data" / "keys" / "log").stat().st_mode & 0o077 == 0


def test_an_altered_export_is_named_by_place(installation: Path, capsys: Told) -> None:
    main(["export", "record.jsonl"])
    file = installation / "record.jsonl"
    file.write_bytes(file.read_bytes().replace(b'\\"number\\":77,', b'\\"number\\":78,'))
    stream = json.loads(file.read_bytes().splitlines()[77])["originator_id"]
    assert main(["verify", "record.jsonl"]) == 1
    told = capsys.readouterr().out
    assert f"first bad: position 77, test, version 1 of {stream}, line 78" in told
    assert "已被改动" in told


def test_a_receipt_is_written_and_verifies(installation: Path, capsys: Told) -> None:
    assert main(["prove", "123"]) == 0
    assert main(["prove", "124", "mine.json"]) == 0
    assert main(["verify", "receipt-123.json", "--key", key_of(installation)]) == 0
    assert "receipt     for position 123" in capsys.readouterr().out
    assert main(["verify", "mine.json"]) == 0
    assert main(["verify", "mine.json", "--key", str(Signer("other.test/x", bytes(32)).verifier)]) == 1
    assert main(["prove", "999"]) == 3
    assert "no event at this position" in capsys.readouterr().err


def test_a_newer_checkpoint_shows_an_older_export(installation: Path, database: Database, capsys: Told) -> None:
    main(["export", "old.jsonl"])
    asyncio.run(fill(database, 1))
    main(["export", "new.jsonl"])
    newest = str(installation / "data" / "log" / "newest")
    assert main(["verify", "new.jsonl", "--checkpoint", newest, "--key", key_of(installation)]) == 0
    assert main(["verify", "old.jsonl", "--checkpoint", newest]) == 1
    assert "position 301, checkpoint of 301 events" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["nothing.jsonl"], ["share"], ["record.jsonl", "--key", "x"], ["record.jsonl", "--checkpoint", "x"]]
)
def test_what_cannot_be_read_is_one_sentence(installation: Path, arguments: list[str], capsys: Told) -> None:
    (installation / "record.jsonl").write_text("")
    assert main(["verify", *arguments]) in (2, 3)
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bar_is_drawn_for_a_terminal_only(installation: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["export", "record.jsonl"])
    assert "█" not in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    for command in (["export", "record.jsonl"], ["verify", "record.jsonl"], ["verify"]):
        main(command)
        assert "300/300\n" in capsys.readouterr().out


# the record where it lies


def test_a_signed_record_verifies_with_its_checkpoints(installation: Path, capsys: Told) -> None:
    assert main(["verify"]) == 0, "a record that was never signed holds too"
    main(["export", "record.jsonl"])
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert "checkpoints 2 agree with the events" in capsys.readouterr().out


def test_a_rewritten_record_is_named_by_its_checkpoint(installation: Path, database: Database, capsys: Told) -> None:
    main(["export", "record.jsonl"])
    rewrite(database, 9)
    assert main(["verify"]) == 1
    assert "first bad: position 1, checkpoint of 300 events" in capsys.readouterr().out
    assert main(["export", "again.jsonl"]) == 0, "nothing new to sign: the old checkpoint is exported"
    assert main(["verify", "again.jsonl"]) == 1


def test_without_any_checkpoint_left_the_witness_still_remembers(
    installation: Path, database: Database, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner of the machine: key, database and data folder are his. The share is not."""
    main(["export", "record.jsonl"])
    monkeypatch.setenv("PEIBAN_WITNESS_FOLDER", str(installation / "share"))
    capsys.readouterr()
    assert main(["verify"]) == 0
    assert "holds nothing yet" in capsys.readouterr().out
    asyncio.run(witnessed(database, installation))
    assert main(["verify"]) == 0
    rewrite(database, 9)
    tamper(database, "DELETE FROM peiban_witnessed; DELETE FROM peiban_checkpoints; DELETE FROM peiban_tiles")
    (installation / "data" / "log" / "newest").unlink()
    assert main(["export", "forged.jsonl"]) == 0
    capsys.readouterr()
    assert main(["verify"]) == 1
    told = capsys.readouterr().out
    assert "checkpoint of 300 events" in told
    assert str(installation / "share") in told


async def witnessed(database: Database, folder: Path) -> None:
    signer = log_signer(Settings.read({"PEIBAN_DATA_DIR": str(folder / "data")}))
    connection = await connect(database.service_url)
    log = LogTree(connection)
    row = await log.newest_row()
    assert row is not None
    await show(log, FileWitness(folder / "share", signer.verifier), Checkpoint.parse(row["note"]))
    await connection.close()


def test_a_witness_that_is_away_is_told_and_does_not_count_against_the_record(
    installation: Path, capsys: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["export", "record.jsonl"])
    monkeypatch.setenv("PEIBAN_WITNESS_FOLDER", str(installation / "unmounted"))
    monkeypatch.setenv("PEIBAN_WITNESS_URLS", f"http://127.0.0.1:1/w {WITNESS.verifier}")
    assert main(["verify"]) == 0
    told = capsys.readouterr().out
    assert "unmounted is away" in told
    assert "witness.test/w1" in told


def test_a_refusal_of_the_notary_is_told(installation: Path, database: Database, capsys: Told) -> None:
    tamper(database, "UPDATE peiban_events SET topic = 'x' WHERE notification_id = 20")
    assert main(["export", "record.jsonl"]) == 1
    assert "hash-mismatch, position 20" in capsys.readouterr().err
    assert main(["prove", "1"]) == 1
    assert not (installation / "record.jsonl").exists()
    tamper(database, "UPDATE peiban_events SET topic = 'test' WHERE notification_id = 20")
    assert main(["verify"]) == 1
    assert "拒绝签名" in capsys.readouterr().out


# keys and settings


def test_the_logs_name_is_fixed_by_its_first_start(tmp_path: Path) -> None:
    def settings(**more: str) -> Settings:
        return Settings.read({"PEIBAN_DATA_DIR": str(tmp_path), **more})

    assert log_key(settings()) is None
    signer = log_signer(settings(PEIBAN_PUBLIC_URL="https://banshi.example:8443/x"))
    assert signer.name == "banshi.example/record"
    assert log_signer(settings(PEIBAN_PUBLIC_URL="https://elsewhere.example")) == signer
    assert log_key(settings()) == signer.verifier
    with pytest.raises(SettingError, match="has always been"):
        log_signer(settings(PEIBAN_LOG_ORIGIN="other.example/record"))
    (tmp_path / "keys" / "log").write_text("PRIVATE+KEY+x")
    with pytest.raises(KeyFileError):
        log_signer(settings())


@pytest.mark.parametrize("name", ["two words", "a+b", "办件"])
def test_a_name_that_tools_cannot_read_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="PEIBAN_LOG_ORIGIN"):
        log_signer(Settings.read({"PEIBAN_DATA_DIR": str(tmp_path), "PEIBAN_LOG_ORIGIN": name}))
    assert log_signer(Settings.read({"PEIBAN_DATA_DIR": str(tmp_path)})).name == "peiban.local/record"


def test_witnesses_are_an_address_and_a_cosigners_key() -> None:
    def named(text: str) -> list[str]:
        return [each.name for each in http_witnesses(Settings.read({"PEIBAN_WITNESS_URLS": text}))]

    assert named("") == []
    assert (
        named(f"https://w.example/w {WITNESS.verifier}, http://localhost:1  {WITNESS.verifier} ") == [WITNESS.name] * 2
    )
    wrong = ["https://w.example", f"ftp://w.example {WITNESS.verifier}", "https://w.example x+y+z"]
    for text in [*wrong, f"https://w.example {Signer('log.example/x', bytes(32)).verifier}"]:
        with pytest.raises(SettingError, match="PEIBAN_WITNESS_URLS"):
            named(text)
