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
from inspection.signing import SealKeys
from service.config import Settings

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
    """32 random bytes, written as hex into a file that only its owner reads."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(_BYTES), encoding="ascii")
    return bytes.fromhex(file.read_text(encoding="ascii"))


def _seal(settings: Settings, folder: Path, now: datetime) -> SealKeys:
    if settings.seal_certificate:
        return SealKeys.from_pem(Path(settings.seal_certificate).read_bytes(), Path(settings.seal_key).read_bytes())
    return SealKeys.load_or_create(folder / "seal", now=now)
