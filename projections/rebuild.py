"""Tells a projection anew from the first event, beside the live one, and puts it in its place.

The new tables have the live ones' names and lie in a schema of their own; the same code fills them through another
search path. The switch is one transaction under the lock of the tracking row that a running service takes for each
page: in between two pages it finds itself further on, under a higher epoch, and carries on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from eventstore import EventStore
from projections.errors import RebuildRunningError
from projections.tracking import SCHEMA, Place, Projection, begin_place, read_place, schema_of, write_place

_PAGE = 1000

Progress = Callable[[int, int], None]


async def rebuild(store: EventStore, owner_url: str, projection: Projection, progress: Progress) -> int:
    """Returns the position that the new rows tell. progress: called with (position, head) after each page.

    Runs as the owner of the tables; the service may go on meanwhile. Raises RebuildRunningError.
    """
    scratch = f"{SCHEMA}_rebuild_{projection.name}"
    connection = await asyncpg.connect(owner_url, timeout=10, server_settings={"search_path": scratch})
    try:
        if not await connection.fetchval("SELECT pg_try_advisory_lock(hashtextextended($1, 0))", scratch):
            raise RebuildRunningError(projection.name)
        return await _Rebuild(connection, store, projection, scratch, progress).run()
    finally:
        await connection.close()


@dataclass
class _Rebuild:
    connection: Any
    store: EventStore
    projection: Projection
    scratch: str
    progress: Progress

    async def run(self) -> int:
        await self._make_tables()
        place = await self._tell(Place(), await self.store.head())
        async with self.connection.transaction():
            live = await read_place(self.connection, self.projection, lock=True)
            # Readers have seen the live rows: the new ones must tell at least as much.
            place = await self._tell(place, live.position)
            await self._switch()
            await write_place(self.connection, self.projection, Place(place.position, place.hash, live.epoch + 1))
        return place.position

    async def _make_tables(self) -> None:
        async with self.connection.transaction():
            # What an interrupted rebuild left behind goes first.
            await self.connection.execute(f"DROP SCHEMA IF EXISTS {self.scratch} CASCADE")
            await self.connection.execute(f"CREATE SCHEMA {self.scratch}")
            await self.connection.execute(schema_of(self.projection).replace(f"{SCHEMA}.", f"{self.scratch}."))
            await begin_place(self.connection, self.projection)

    async def _tell(self, place: Place, until: int) -> Place:
        ahead = asyncio.create_task(self.store.page(place.position, _PAGE))
        try:
            while place.position < until:
                page = await ahead
                place = Place(page[-1].position, page[-1].hash)
                # The next page is read and decoded while the database writes this one.
                ahead = asyncio.create_task(self.store.page(place.position, _PAGE))
                async with self.connection.transaction():
                    await self.projection.apply(self.connection, page)
                self.progress(place.position, max(until, place.position))
        finally:
            ahead.cancel()
            await asyncio.gather(ahead, return_exceptions=True)
        return place

    async def _switch(self) -> None:
        for table in self.projection.tables:
            await self.connection.execute(f"DROP TABLE IF EXISTS {SCHEMA}.{table}")
            await self.connection.execute(f"ALTER TABLE {self.scratch}.{table} SET SCHEMA {SCHEMA}")
        await self.connection.execute(f"DROP SCHEMA {self.scratch}")
