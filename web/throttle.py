"""Rate limits that hold across processes and restarts: GCRA, one row per bucket, decided by one statement."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from web.database import Database
from web.problems import ThrottledError


@dataclass(frozen=True)
class Limit:
    """`burst` requests at once, then one more every `every` seconds."""

    name: str
    burst: int
    every: float


# `due` moves on only while the request conforms; without a returned row it does not.
_TAKE = """
INSERT INTO web.throttles AS t (bucket, due) VALUES ($1, $2::timestamptz + $3::interval)
ON CONFLICT (bucket) DO UPDATE SET due = greatest(t.due, $2) + $3::interval
WHERE greatest(t.due, $2) <= $2::timestamptz + $4::interval
RETURNING due
"""


class Throttle:
    """Buckets are keyed digests: a stolen table names no phone, login or address."""

    def __init__(self, database: Database, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._database = database
        self._secret = secret
        self._clock = clock

    async def take(self, limit: Limit, *who: str) -> None:
        """Counts one attempt of `who` against the limit, or raises ThrottledError."""
        now, step = self._clock(), timedelta(seconds=limit.every)
        slack = step * (limit.burst - 1)
        bucket = self._bucket(limit, who)
        if await self._database.value(_TAKE, bucket, now, step, slack) is None:
            due = await self._database.value("SELECT due FROM web.throttles WHERE bucket = $1", bucket)
            raise ThrottledError(((due or now) - slack - now).total_seconds())

    async def forget(self, limit: Limit, *who: str) -> None:
        """Gives the whole burst back, after the right password or code."""
        await self._database.execute("DELETE FROM web.throttles WHERE bucket = $1", self._bucket(limit, who))

    async def sweep(self) -> None:
        await self._database.execute("DELETE FROM web.throttles WHERE due < $1", self._clock())

    def _bucket(self, limit: Limit, who: tuple[str, ...]) -> bytes:
        text = "\x1f".join((limit.name, *who))
        return hmac.digest(self._secret, b"throttle\x00" + text.encode(), hashlib.sha256)
