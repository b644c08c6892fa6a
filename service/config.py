"""Settings: the only reader of the environment. `peiban settings` lists them; there is no configuration file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


class SettingError(ValueError):
    """A variable has a value that cannot be used; the message names it and says what it should be."""


def _setting(default: Any, doc: str, *, secret: bool = False) -> Any:
    return field(default=default, metadata={"doc": doc, "secret": secret})


def _default_data_dir() -> Path:
    """Root keeps its data where a server's own user can reach it; everybody else in his data home (XDG)."""
    if os.geteuid() == 0:
        return Path("/var/lib/peiban/data")
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "peiban"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """One field per variable: `PEIBAN_` and the field's name in capitals."""

    data_dir: Path = _setting(None, "Folder of everything that is kept: keys, uploads, recordings, embedded database.")
    database_url: str = _setting(
        "",
        "PostgreSQL of the owner role, for `migrate`, `rebuild`, `demo`. Empty: an embedded one below the data folder.",
        secret=True,
    )
    service_database_url: str = _setting(
        "", "PostgreSQL of the service role. Empty: the owner's address with role peiban_service.", secret=True
    )
    http_host: str = _setting("127.0.0.1", "Address for plain HTTP (browsers give cameras only to localhost over it).")
    http_port: int = _setting(8080, "Port for plain HTTP; 0 switches it off.")
    tls_host: str = _setting("0.0.0.0", "Address for HTTPS.")  # noqa: S104 -- phones of the local network come in here
    tls_port: int = _setting(8443, "Port for HTTPS; 0 switches it off.")
    tls_certificate: str = _setting("", "PEM chain for HTTPS. Empty: one of our own making, for a demonstration.")
    tls_key: str = _setting("", "PEM key that belongs to the certificate.")
    public_url: str = _setting("", "Address that links in messages begin with. Empty: this machine's HTTPS address.")
    behind_proxy: bool = _setting(
        False, "A proxy in front ends TLS, comes in by plain HTTP and sets X-Forwarded-For and -Proto."
    )
    media_host: str = _setting("0.0.0.0", "Address that the media port listens on.")  # noqa: S104 -- as for HTTPS
    media_port: int = _setting(8189, "UDP port of all audio and video.")
    media_addresses: str = _setting("", "Addresses told to browsers for media, by comma. Empty: found on this machine.")
    seal_certificate: str = _setting("", "PEM chain of the office's seal. Empty: a demonstration seal.")
    seal_key: str = _setting("", "PEM key that belongs to the seal.")
    sms_url: str = _setting(
        "", "Address of an SMS gateway that takes POST {phone, text}. Empty: messages stay in the outbox."
    )
    sms_token: str = _setting("", "Bearer token for the SMS gateway.", secret=True)
    log_origin: str = _setting(
        "",
        "Name of the record's log and of its key, fixed at the first start. Empty: the public host, or peiban.local.",
    )
    witness_folder: str = _setting("", "Folder elsewhere, a mounted share for one, in which checkpoints are kept too.")
    witness_urls: str = _setting("", "Witnesses over HTTP (C2SP tlog-witness), by comma: address, space, verifier key.")
    log_level: str = _setting("info", "debug, info, warning or error.")

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> Settings:
        environ = os.environ if environ is None else environ
        values: dict[str, Any] = {}
        for spec in fields(cls):
            raw = environ.get(variable(spec.name), "")
            if spec.name == "data_dir":
                values[spec.name] = Path(raw).expanduser().absolute() if raw else _default_data_dir()
            elif raw:
                values[spec.name] = _parse(variable(spec.name), raw, type(spec.default))
        settings = cls(**values)
        _check(settings)
        return settings


def variable(name: str) -> str:
    return f"PEIBAN_{name.upper()}"


def _parse(name: str, raw: str, kind: type) -> Any:
    if kind is bool:
        if raw.lower() in {"1", "true", "yes"}:
            return True
        if raw.lower() in {"0", "false", "no"}:
            return False
        raise SettingError(f"{name} should be 1 or 0, not {raw!r}")
    if kind is int:
        try:
            return int(raw)
        except ValueError:
            raise SettingError(f"{name} should be a whole number, not {raw!r}") from None
    return raw


_LEVELS = ("debug", "info", "warning", "error")
_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "service_database_url": ("postgresql://", "postgres://"),
    "public_url": ("https://", "http://"),
    "sms_url": ("https://", "http://"),
}


def _check(settings: Settings) -> None:
    """What can be told without touching anything. Values of addresses are not repeated: they may hold a password."""
    for name in ("http_port", "tls_port", "media_port"):
        if not 0 <= getattr(settings, name) <= 65535:
            raise SettingError(f"{variable(name)} should be a port, 0 to 65535, not {getattr(settings, name)}")
    if not settings.http_port and not settings.tls_port:
        raise SettingError("PEIBAN_HTTP_PORT and PEIBAN_TLS_PORT are both 0: nobody could come in")
    for name, schemes in _SCHEMES.items():
        value = getattr(settings, name)
        if value and not value.startswith(schemes):
            raise SettingError(f"{variable(name)} should begin with {' or '.join(schemes)}")
        try:
            for host in urlsplit(value).netloc.rpartition("@")[2].split(","):  # PostgreSQL takes several
                _ = urlsplit(f"//{host}").port
        except ValueError:
            raise SettingError(f"{variable(name)} is not an address: look at its host and port") from None
    for certificate, key in (("tls_certificate", "tls_key"), ("seal_certificate", "seal_key")):
        if bool(getattr(settings, certificate)) != bool(getattr(settings, key)):
            raise SettingError(f"{variable(certificate)} and {variable(key)} belong together: give both or neither")
    if settings.log_level.lower() not in _LEVELS:
        raise SettingError(f"PEIBAN_LOG_LEVEL should be one of {', '.join(_LEVELS)}, not {settings.log_level!r}")


def describe(settings: Settings) -> list[tuple[str, str, str]]:
    """(variable, value in force, meaning); secrets are shown as set or not set."""
    lines = []
    for spec in fields(settings):
        value = str(getattr(settings, spec.name))
        if spec.metadata["secret"] and value:
            value = "(set)"
        lines.append((variable(spec.name), value or "(empty)", spec.metadata["doc"]))
    return lines
