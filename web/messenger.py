"""The demonstration's text messages, shown on a page; a city plugs in its operator's gateway instead."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from web.database import Database
from web.views import Message

KEPT = timedelta(days=7)
_SHOWN = 200


class OutboxMessenger:
    """Keeps messages, encrypted, for a week, for whoever plays the phone's owner in the demonstration."""

    def __init__(self, database: Database, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt=None, info=b"peiban outbox").derive(secret))

    async def send(self, phone: str, text: str) -> None:
        now, nonce = self._clock(), secrets.token_bytes(12)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.json.encode((phone, text)), None)
        await self._database.execute("DELETE FROM web.outbox WHERE at < $1", now - KEPT)
        await self._database.execute("INSERT INTO web.outbox (at, sealed) VALUES ($1, $2)", now, sealed)

    async def messages(self) -> list[Message]:
        """The latest messages, newest first."""
        rows = await self._database.fetch(
            "SELECT id, at, sealed FROM web.outbox WHERE at >= $1 ORDER BY id DESC LIMIT $2",
            self._clock() - KEPT,
            _SHOWN,
        )
        return [self._open(row["id"], row["at"], row["sealed"]) for row in rows]

    async def forget(self, about: Callable[[str, str], Awaitable[bool]]) -> None:
        """Removes the messages that `about(phone, text)` says so of."""
        rows = await self._database.fetch("SELECT id, at, sealed FROM web.outbox")
        messages = [self._open(row["id"], row["at"], row["sealed"]) for row in rows]
        gone = [message.id for message in messages if await about(message.to, message.text)]
        await self._database.execute("DELETE FROM web.outbox WHERE id = ANY($1::bigint[])", gone)

    def _open(self, id: int, at: datetime, sealed: bytes) -> Message:
        phone, text = msgspec.json.decode(self._cipher.decrypt(sealed[:12], sealed[12:], None), type=tuple[str, str])
        return Message(id=id, at=at, to=phone, text=text)
