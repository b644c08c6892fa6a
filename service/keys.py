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

from eventstore import VaultKeys
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
    edge: bytes = field(repr=False)  # one-time codes, outbox

    @classmethod
    def load_or_create(cls, settings: Settings, now: datetime) -> Self:
        folder = settings.data_dir / "keys"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(
            vault=VaultKeys.load_or_create(folder / "vault.json"),
            invitations=InvitationKeys(secret(folder / "invitations")),
            seal=_seal(settings, folder, now),
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


def _seal(settings: Settings, folder: Path, now: datetime) -> SealKeys:
    if settings.seal_certificate:
        try:
            return SealKeys.from_pem(Path(settings.seal_certificate).read_bytes(), Path(settings.seal_key).read_bytes())
        except (OSError, ValueError, SealKeyError) as error:
            raise SettingError(f"PEIBAN_SEAL_CERTIFICATE and PEIBAN_SEAL_KEY cannot be used: {error}") from error
    return SealKeys.load_or_create(folder / "seal", now=now)
