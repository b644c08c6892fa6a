"""Who looks at a page is told when it changed: in this process, without a queue that could grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from uuid import UUID


class Changes:
    """What one listener has not heard yet, as one number: the latest position. A slow listener loses only repeats."""

    def __init__(self) -> None:
        self._position = 0
        self._fresh = asyncio.Event()

    def put(self, position: int) -> None:
        self._position = max(self._position, position)
        self._fresh.set()

    async def get(self) -> int:
        """Waits for a change after the last one got, and returns the position that the rows have reached."""
        await self._fresh.wait()
        self._fresh.clear()
        return self._position

    def __aiter__(self) -> AsyncIterator[int]:
        return self

    async def __anext__(self) -> int:
        return await self.get()


class Broadcast:
    """Keys are the ids of cases, inspections and complaints."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Changes]] = {}

    @property
    def listening(self) -> int:
        """How many pages are being watched."""
        return len(self._listeners)

    @asynccontextmanager
    async def listen(self, key: UUID | str) -> AsyncIterator[Changes]:
        changes = Changes()
        listeners = self._listeners.setdefault(str(key), set())
        listeners.add(changes)
        try:
            yield changes
        finally:
            listeners.discard(changes)
            if not listeners and self._listeners.get(str(key)) is listeners:
                del self._listeners[str(key)]

    def publish(self, touched: Mapping[UUID, int]) -> None:
        """touched: key → position."""
        if self._listeners:
            for key, position in touched.items():
                for changes in self._listeners.get(str(key), ()):
                    changes.put(position)

    def publish_all(self, position: int) -> None:
        """Something changed, and it is not known which pages show it."""
        for listeners in self._listeners.values():
            for changes in listeners:
                changes.put(position)
