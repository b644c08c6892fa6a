"""All keys of a running service, in one private folder; made at the first start, kept over restarts.

In production the folder belongs into the backup of the keys, apart from the backup of the database:
whoever has both can read everything, whoever loses it can open nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from eventstore import VaultKeys
from eventstore.checkpoint import NoteError, Signer, VerifierKey, check_name
from inspection.invitation import InvitationKeys
from inspection.signing import SealKeyError, SealKeys
from service.config import SettingError, Settings
from service.errors import KeyFileError
from service.private_files import made_once

_BYTES = 32


@dataclass(frozen=True)
class Keys:
    vault: VaultKeys
    invitations: InvitationKeys
    seal: SealKeys
    log: Signer
    edge: bytes = field(repr=False)  # one-time codes, outbox

    @classmethod
    def load_or_create(cls, settings: Settings, now: datetime) -> Self:
        folder = settings.data_dir / "keys"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(
            vault=VaultKeys.load_or_create(folder / "vault.json"),
            invitations=InvitationKeys(secret(folder / "invitations")),
            seal=_seal(settings, folder, now),
            log=log_signer(settings),
            edge=secret(folder / "edge"),
        )


def secret(file: Path) -> bytes:
    """32 random bytes, written as hex into a file that only its owner reads. Raises KeyFileError when it has others."""
    held = made_once(file, lambda: secrets.token_hex(_BYTES))
    try:
        key = bytes.fromhex(held)
    except ValueError:
        raise KeyFileError(file) from None
    if len(key) != _BYTES:
        raise KeyFileError(file)
    return key


def log_signer(settings: Settings) -> Signer:
    """The key that signs checkpoints; its file holds the log's name too, which must never change.

    Raises SettingError for a name that is none, or not this key's; KeyFileError for a damaged file.
    """
    file = _log_file(settings)
    signer = _read_signer(file, made_once(file, lambda: _new_signer(settings).private_text()))
    if settings.log_origin not in ("", signer.name):
        raise SettingError(f"PEIBAN_LOG_ORIGIN is {settings.log_origin!r}, but the log has always been {signer.name!r}")
    return signer


def log_folder(settings: Settings) -> Path:
    """Where the notary keeps what it has signed, outside the database."""
    return settings.data_dir / "log"


def log_key(settings: Settings) -> VerifierKey | None:
    """The public half, where there is a key already."""
    file = _log_file(settings)
    return _read_signer(file, file.read_text(encoding="ascii")).verifier if file.exists() else None


def _log_file(settings: Settings) -> Path:
    return settings.data_dir / "keys" / "log"


def _new_signer(settings: Settings) -> Signer:
    host = urlsplit(settings.public_url).hostname or "peiban.local"
    try:
        name = check_name(settings.log_origin or f"{host}/record")
    except NoteError as error:
        raise SettingError(f"PEIBAN_LOG_ORIGIN cannot be a name: {error}") from error
    if not name.isascii():
        raise SettingError("PEIBAN_LOG_ORIGIN should be letters and signs of ASCII, as in an address")
    return Signer(name, secrets.token_bytes(_BYTES))


def _read_signer(file: Path, text: str) -> Signer:
    try:
        return Signer.parse(text.strip())
    except NoteError:
        raise KeyFileError(file) from None


def _seal(settings: Settings, folder: Path, now: datetime) -> SealKeys:
    if settings.seal_certificate:
        try:
            return SealKeys.from_pem(Path(settings.seal_certificate).read_bytes(), Path(settings.seal_key).read_bytes())
        except (OSError, ValueError, SealKeyError) as error:
            raise SettingError(f"PEIBAN_SEAL_CERTIFICATE and PEIBAN_SEAL_KEY cannot be used: {error}") from error
    return SealKeys.load_or_create(folder / "seal", now=now)
