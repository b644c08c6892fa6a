"""One-time codes: six digits, five minutes, five tries, bound to the browser that asked for them."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta

from web.database import Database

LIFETIME = timedelta(minutes=5)
TRIES = 5


class Codes:
    """The challenge, a random cookie, keeps a stranger's wrong guesses from using up the owner's tries."""

    def __init__(self, database: Database, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._secret = secret
        self._clock = clock

    async def issue(self, purpose: str, phone: str) -> tuple[str, str]:
        """A new (challenge, code). purpose: `login`, or the invitation that is to be opened."""
        challenge, code = secrets.token_urlsafe(32), f"{secrets.randbelow(1_000_000):06d}"
        now = self._clock()
        await self._database.execute("DELETE FROM web.codes WHERE expires_at < $1", now)
        await self._database.execute(
            "INSERT INTO web.codes (challenge, digest, tries_left, expires_at) VALUES ($1, $2, $3, $4)",
            _key(challenge), self._digest(challenge, purpose, phone, code), TRIES, now + LIFETIME,
        )  # fmt: skip
        return challenge, code

    async def redeem(self, challenge: str, purpose: str, phone: str, code: str) -> bool:
        """Whether the code is right; a right one works once, a wrong one costs a try."""
        # The try is paid before the code is compared: guesses that arrive together cannot share one.
        row = await self._database.row(
            "UPDATE web.codes SET tries_left = tries_left - 1 "
            "WHERE challenge = $1 AND tries_left > 0 AND expires_at > $2 RETURNING digest",
            _key(challenge), self._clock(),
        )  # fmt: skip
        if row is None or not hmac.compare_digest(row["digest"], self._digest(challenge, purpose, phone, code)):
            return False
        gone = await self._database.execute("DELETE FROM web.codes WHERE challenge = $1", _key(challenge))
        return gone == "DELETE 1"  # of two equal requests at once, one wins

    def _digest(self, challenge: str, purpose: str, phone: str, code: str) -> bytes:
        text = "\x1f".join((challenge, purpose, phone, code))
        return hmac.digest(self._secret, b"code\x00" + text.encode(), hashlib.sha256)


def _key(challenge: str) -> bytes:
    return hashlib.sha256(challenge.encode()).digest()
