"""Follow the record: by position, gapless, in order. NOTIFY only wakes; what counts is read from the table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from eventstore.connection import LOST, Connection
from eventstore.errors import RecordUnavailableError
from eventstore.recorder import Recorded, Recorder

logger = logging.getLogger(__name__)

CHANNEL = "peiban_events"
POLL_SECONDS = 1.0
PAGE = 500


class Listener:
    """One connection that hears NOTIFY for all followers of this process, made anew whenever it is lost."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self._followers: set[asyncio.Event] = set()
        self._task = asyncio.create_task(self._run(), name="event store listener")

    @asynccontextmanager
    async def wakes(self) -> AsyncIterator[asyncio.Event]:
        event = asyncio.Event()
        self._followers.add(event)
        try:
            yield event
        finally:
            self._followers.discard(event)

    async def close(self) -> None:
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _run(self) -> None:
        while True:
            try:
                await self._listen()
            except RecordUnavailableError:
                logger.warning("not listening for new events; followers poll until the database is back")
            except LOST:
                logger.warning("the listening connection was lost")
            await asyncio.sleep(POLL_SECONDS)

    async def _listen(self) -> None:
        connection = await self._connect()
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.add_listener(CHANNEL, self._on_notify)
            self._wake_all()  # for what came before we listened
            await gone.wait()
        finally:
            connection.terminate()

    def _on_notify(self, *_: Any) -> None:
        self._wake_all()

    def _wake_all(self) -> None:
        for event in self._followers:
            event.set()


@asynccontextmanager
async def follow(recorder: Recorder, listener: Listener, after: int) -> AsyncIterator[AsyncIterator[list[Recorded]]]:
    async with listener.wakes() as wake, aclosing(_pages(recorder, wake, after)) as pages:
        yield pages


async def _pages(recorder: Recorder, wake: asyncio.Event, after: int) -> AsyncGenerator[list[Recorded], None]:
    while True:
        wake.clear()  # before reading: what is committed from here on sets it again
        try:
            page = await recorder.read_page(after, PAGE)
        except RecordUnavailableError:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if page:
            after = page[-1].position
            yield page
        if len(page) < PAGE:
            # Not wait_for: on Python 3.11 it swallows a cancellation that arrives together with the wake.
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_SECONDS):
                    await wake.wait()
