"""Sessions: 256-bit tokens in cookies, of which only the SHA-256 is stored; idle and absolute expiry."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from web.database import Database

Kind = Literal["applicant", "staff", "guest"]

# (idle, absolute). Staff: a shift; applicants use their own phone; guests come back until their inspection is over.
LIFETIMES: dict[Kind, tuple[timedelta, timedelta]] = {
    "staff": (timedelta(hours=1), timedelta(hours=12)),
    "applicant": (timedelta(days=7), timedelta(days=30)),
    "guest": (timedelta(hours=24), timedelta(days=14)),
}
_TOUCH_AFTER = timedelta(minutes=1)  # not every request writes


@dataclass(frozen=True, kw_only=True)
class Login:
    """One valid session. holder: `staff:<uuid>`, `person:<uuid>` or `guest:<inspection uuid>`.

    contact: the phone, sealed under the person's key; never in `repr`, and so in no log.
    """

    kind: Kind
    holder: str
    person: UUID | None
    csrf: str = field(repr=False)
    digest: bytes = field(repr=False)
    contact: bytes | None = field(repr=False, default=None)

    @property
    def id(self) -> UUID:
        return UUID(self.holder.partition(":")[2])


class Sessions:
    def __init__(self, database: Database, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._clock = clock

    async def open(self, kind: Kind, holder: str, *, person: UUID | None = None, contact: bytes | None = None) -> str:
        """Begins a session and returns its token, which is kept nowhere but in the cookie."""
        token, now = secrets.token_urlsafe(32), self._clock()
        await self._database.execute(
            "INSERT INTO web.sessions (digest, kind, holder, person, contact, created_at, used_at, expires_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
            _digest(token), kind, holder, person, contact, now, now + LIFETIMES[kind][1],
        )  # fmt: skip
        return token

    async def find(self, token: str) -> Login | None:
        """The session of this token, if it is still good; using it puts off its idle end."""
        if not 40 <= len(token) <= 50:
            return None
        now, digest = self._clock(), _digest(token)
        row = await self._database.row("SELECT * FROM web.sessions WHERE digest = $1 AND expires_at > $2", digest, now)
        if row is None or now - row["used_at"] > LIFETIMES[row["kind"]][0]:
            return None
        if now - row["used_at"] > _TOUCH_AFTER:
            await self._database.execute("UPDATE web.sessions SET used_at = $2 WHERE digest = $1", digest, now)
        return Login(
            kind=row["kind"],
            holder=row["holder"],
            person=row["person"],
            contact=row["contact"],
            csrf=csrf_token(token),
            digest=digest,
        )

    async def alive(self, login: Login) -> bool:
        """Whether the session still stands; asked by long-lived connections."""
        found = await self._database.value(
            "SELECT true FROM web.sessions WHERE digest = $1 AND expires_at > $2", login.digest, self._clock()
        )
        return bool(found)

    async def close(self, login: Login) -> None:
        await self._database.execute("DELETE FROM web.sessions WHERE digest = $1", login.digest)

    async def revoke(self, holder: str) -> None:
        await self._database.execute("DELETE FROM web.sessions WHERE holder = $1", holder)

    async def sweep(self) -> None:
        await self._database.execute("DELETE FROM web.sessions WHERE expires_at < $1", self._clock())


def csrf_token(token: str) -> str:
    """Derived, so it needs no storage: whoever can read it from `GET /session` holds the cookie already."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
