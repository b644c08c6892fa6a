"""Staff passwords: argon2id (RFC 9106, second recommended option), computed in threads, a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from eventstore import BusyError
from web.database import Database

# 64 MiB and three passes: about a tenth of a second; two at once and a short queue bound what a flood can cost.
_HASHER = PasswordHasher(time_cost=3, memory_cost=65536, parallelism=1)
_AT_ONCE = 2
_QUEUE = 20


class Credentials:
    """Logins and password hashes of staff. An unknown login costs as much time as a known one."""

    def __init__(self, database: Database, clock: Callable[[], datetime], hasher: PasswordHasher = _HASHER) -> None:
        self._database = database
        self._clock = clock
        self._hasher = hasher
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._dummy = hasher.hash("no such login")

    async def set(self, staff: UUID, login: str, password: str) -> None:
        """Sets login and password; other sessions of this member of staff end (the caller logs in again)."""
        hashed = await asyncio.to_thread(self._hasher.hash, password)
        await self._database.execute(
            "INSERT INTO web.credentials (staff, login, hash, changed_at) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (staff) DO UPDATE SET login = $2, hash = $3, changed_at = $4",
            staff, _normal(login), hashed, self._clock(),
        )  # fmt: skip
        await self._database.execute("DELETE FROM web.sessions WHERE holder = $1", f"staff:{staff}")

    async def check(self, login: str, password: str) -> UUID | None:
        """The member of staff whose login and password these are, or None. Raises BusyError when too many ask."""
        row = await self._database.row("SELECT staff, hash FROM web.credentials WHERE login = $1", _normal(login))
        right = await self._verify(row["hash"] if row else self._dummy, password)
        return row["staff"] if row and right else None

    async def staff_of(self, login: str) -> UUID | None:
        found: UUID | None = await self._database.value(
            "SELECT staff FROM web.credentials WHERE login = $1", _normal(login)
        )
        return found

    async def _verify(self, hashed: str, password: str) -> bool:
        if self._waiting >= _QUEUE:
            raise BusyError(2.0)
        self._waiting += 1
        try:
            async with self._slots:
                return await asyncio.to_thread(self._hasher.verify, hashed, password)
        except (VerificationError, InvalidHashError):
            return False
        finally:
            self._waiting -= 1


def _normal(login: str) -> str:
    return login.strip().lower()
