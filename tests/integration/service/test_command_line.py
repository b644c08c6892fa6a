from __future__ import annotations

from pathlib import Path

import pytest

from eventstore.embedded import SUPERUSER, EmbeddedPostgres
from service.cli import main
from service.errors import KeyFileError
from service.keys import secret
from tests.e2e.service import free_port


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> pytest.MonkeyPatch:
    monkeypatch.setenv("PEIBAN_DATA_DIR", str(tmp_path / "data"))
    return monkeypatch


COMMANDS = ["demo", "serve", "migrate", "rebuild", "verify", "export", "prove", "settings"]


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([*filter(None, [command]), "--help"])
    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: peiban")


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["frobnicate"])
    assert left.value.code == 2


@pytest.mark.parametrize("command", ["verify", "rebuild"])
def test_upkeep_makes_no_record_where_there_is_none(
    command: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main([command]) == 3
    assert "There is no record in" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


def test_settings_are_listed(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("PEIBAN_HTTP_PORT", "9123")
    assert main(["settings"]) == 0
    assert "PEIBAN_HTTP_PORT" in (out := capsys.readouterr().out)
    assert "9123" in out


def test_a_wrong_setting_is_one_sentence(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("PEIBAN_HTTP_PORT", "many")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err == "peiban: PEIBAN_HTTP_PORT should be a whole number, not 'many'\n"


@pytest.mark.parametrize("command", ["migrate", "rebuild", "verify"])
def test_a_database_that_is_down_is_one_sentence(
    command: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("PEIBAN_DATABASE_URL", f"postgresql://u:hunter2@127.0.0.1:{free_port()}/d")
    assert main([command]) == 3
    told = capsys.readouterr().err
    assert told.startswith("peiban: 数据库无法连接")
    assert told.count("\n") == 1
    assert "hunter2" not in told


def test_verifying_an_empty_database_says_what_to_do_first(
    postgres: EmbeddedPostgres, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("PEIBAN_DATABASE_URL", postgres.url(SUPERUSER, "postgres"))
    assert main(["verify"]) == 3
    assert "请先运行 peiban migrate" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--key", "--checkpoint"])
def test_a_key_without_a_file_is_not_silently_passed_over(
    option: str, environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", option, "something"]) == 2
    assert "须与文件一起使用" in capsys.readouterr().err


def test_migrating_needs_the_owner(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    environment.setenv("PEIBAN_SERVICE_DATABASE_URL", "postgresql://peiban_service@127.0.0.1/d")
    assert main(["migrate"]) == 2
    assert "PEIBAN_DATABASE_URL is needed" in capsys.readouterr().err


def test_a_data_folder_that_cannot_be_is_one_sentence(
    environment: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    environment.setenv("PEIBAN_DATA_DIR", str(tmp_path / "file" / "data"))
    assert main(["migrate"]) == 3
    assert str(tmp_path / "file") in capsys.readouterr().err


def test_a_folder_in_use_is_one_sentence(
    environment: pytest.MonkeyPatch, server_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setenv("PEIBAN_DATA_DIR", str(server_root))
    server = EmbeddedPostgres(server_root / "database")
    server.start()
    try:
        assert main(["migrate"]) == 3
        assert "该数据目录已有服务在运行" in capsys.readouterr().err
    finally:
        server.stop()


def test_an_unknown_projection_is_told_with_those_there_are(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rebuild", "weather"]) == 2
    assert "progress" in capsys.readouterr().err


def test_a_mistake_of_ours_keeps_its_trace(environment: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise LookupError("ours")

    environment.setattr("service.upkeep.run_verify", broken)
    with pytest.raises(LookupError):
        main(["verify"])


@pytest.mark.parametrize("held", ["", "abcd", "not hex"])
def test_half_a_key_is_never_used(held: str, tmp_path: Path) -> None:
    (tmp_path / "edge").write_text(held)
    with pytest.raises(KeyFileError, match="edge"):
        secret(tmp_path / "edge")


def test_a_key_is_made_once_and_for_its_owner_only(tmp_path: Path) -> None:
    key = secret(tmp_path / "keys" / "edge")
    assert secret(tmp_path / "keys" / "edge") == key
    assert (tmp_path / "keys" / "edge").stat().st_mode & 0o077 == 0
    assert [file.name for file in (tmp_path / "keys").iterdir()] == ["edge"]
