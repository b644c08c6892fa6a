"""The edge's own tables (schema `web`): sessions, credentials, codes, throttles, staged files, the outbox."""

from __future__ import annotations

from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Self, TypeVar

import asyncpg

from eventstore import RecordUnavailableError

MIGRATIONS = Path(__file__).parent / "migrations"
_SECONDS = 5.0
# What asyncpg and the socket raise while the server is down, starting or going away.
_DOWN = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, not up yet, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    ConnectionError,
    FileNotFoundError,  # the socket file of a server that is not running
    TimeoutError,
)

T = TypeVar("T")


class Database:
    """A small pool. A database that is down is told as RecordUnavailableError after at most five seconds."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, service_url: str, *, size: int = 4) -> Self:
        pool = await _told(
            asyncpg.create_pool(service_url, min_size=1, max_size=size, timeout=_SECONDS, command_timeout=_SECONDS)
        )
        return cls(pool)

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, sql: str, *args: object) -> list[Any]:
        return list(await _told(self._pool.fetch(sql, *args)))

    async def row(self, sql: str, *args: object) -> Any | None:
        return await _told(self._pool.fetchrow(sql, *args))

    async def value(self, sql: str, *args: object) -> Any:
        return await _told(self._pool.fetchval(sql, *args))

    async def execute(self, sql: str, *args: object) -> str:
        return str(await _told(self._pool.execute(sql, *args)))


def is_down(error: BaseException) -> bool:
    """Whether the database cannot be reached. asyncpg's DataError, a ValueError, only means a wrong argument."""
    return isinstance(error, _DOWN) and not isinstance(error, ValueError)


async def _told(work: Awaitable[T]) -> T:
    try:
        return await work
    except _DOWN as down:
        if not is_down(down):
            raise
        raise RecordUnavailableError from down
