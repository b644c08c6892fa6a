from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from service.config import SettingError, Settings, describe, variable


def test_every_setting_says_what_it_is_for() -> None:
    described = describe(Settings.read({"PEIBAN_DATA_DIR": "/tmp/peiban"}))
    assert [name for name, _, _ in described] == [variable(spec.name) for spec in fields(Settings)]
    assert not [name for name, _, meaning in described if not meaning.endswith(".")]


def test_an_empty_variable_is_as_good_as_none() -> None:
    assert Settings.read({"PEIBAN_HTTP_PORT": ""}).http_port == 8080


def test_values_are_read_as_what_they_are() -> None:
    settings = Settings.read(
        {
            "PEIBAN_HTTP_PORT": "9",
            "PEIBAN_BEHIND_PROXY": "Yes",
            "PEIBAN_DATA_DIR": "~/x",
            "PEIBAN_LOG_LEVEL": "DEBUG",
        }
    )
    assert (settings.http_port, settings.behind_proxy, settings.log_level) == (9, True, "DEBUG")
    assert settings.data_dir == Path.home() / "x"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_PORT", "eighty"),
        ("HTTP_PORT", "70000"),
        ("MEDIA_PORT", "-1"),
        ("BEHIND_PROXY", "maybe"),
        ("LOG_LEVEL", "loud"),
        ("DATABASE_URL", "host=/tmp password=hunter2"),
        ("SERVICE_DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h:many/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@[::1/d"),
        ("PUBLIC_URL", "peiban.example"),
        ("SMS_URL", "ftp://hunter2@h"),
        ("TLS_CERTIFICATE", "/only/one"),
        ("SEAL_KEY", "/only/one"),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_its_variable(name: str, value: str) -> None:
    with pytest.raises(SettingError) as refused:
        Settings.read({f"PEIBAN_{name}": value})
    assert f"PEIBAN_{name}" in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_service_without_any_door_is_refused() -> None:
    with pytest.raises(SettingError, match="PEIBAN_TLS_PORT"):
        Settings.read({"PEIBAN_HTTP_PORT": "0", "PEIBAN_TLS_PORT": "0"})


def test_secrets_are_listed_as_set_and_not_shown() -> None:
    settings = Settings.read({"PEIBAN_DATABASE_URL": "postgresql://u:hunter2@h/d", "PEIBAN_SMS_TOKEN": "hunter2"})
    shown = {name: value for name, value, _ in describe(settings)}
    assert shown["PEIBAN_DATABASE_URL"] == shown["PEIBAN_SMS_TOKEN"] == "(set)"
    assert "hunter2" not in str(shown)


def test_an_address_may_name_several_hosts() -> None:
    address = "postgresql://u:secret@one:5432,two:5432,[::1]:5433/d?target_session_attrs=primary"
    assert Settings.read({"PEIBAN_DATABASE_URL": address}).database_url == address
