"""Connections to the record: how they are made, kept and how their failures are told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from eventstore.errors import RecordUnavailableError

Connection = Any
Pool = Any
Row = Any

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0

LOST = (
    OSError,  # refused, reset, and TimeoutError
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a broken connection is told as half the time; also: no host is the primary
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,  # shut down, not up yet, cancelled
    asyncpg.InsufficientResourcesError,  # too many connections, disk full
    asyncpg.ReadOnlySQLTransactionError,  # a standby: not promoted yet, or no primary any more
)
"""What says that the database, not the statement, is in trouble."""

_NOT_LET_IN = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)

# The record's statements name no schema, and each runs as its own READ COMMITTED transaction (see peiban_append).
_SESSION = {"search_path": "public", "application_name": "peiban", "default_transaction_isolation": "read committed"}


@contextmanager
def telling_unavailable() -> Iterator[None]:
    try:
        yield
    except (*LOST, *_NOT_LET_IN) as error:
        raise RecordUnavailableError(f"[{type(error).__name__}]") from error


async def connect(url: str) -> Connection:
    with telling_unavailable():
        return await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=_SESSION)


class Reader:
    """A pool for single statements that change nothing or may run twice, so a lost connection is tried once more."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str, max_size: int) -> Reader:
        with telling_unavailable():
            pool = await asyncpg.create_pool(
                url,
                min_size=1,
                max_size=max_size,
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                reset=_leave_as_it_is,
                server_settings=_SESSION,
            )
        return cls(pool)

    async def close(self) -> None:
        await self._pool.close()

    async def fetch(self, sql: str, *arguments: Any) -> list[Row]:
        try:
            return list(await self._pool.fetch(sql, *arguments))
        except LOST:
            await self._pool.expire_connections()  # they rarely die alone: the second try meets none of the old ones
            with telling_unavailable():
                return list(await self._pool.fetch(sql, *arguments))

    async def fetch_row(self, sql: str, *arguments: Any) -> Row | None:
        rows = await self.fetch(sql, *arguments)
        return rows[0] if rows else None


async def _leave_as_it_is(connection: Connection) -> None:
    """Given back, a connection is not reset: our statements leave no state, and a reset costs a round trip."""
