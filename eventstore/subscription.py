"""Follow the record: by position, gapless, in order. NOTIFY only wakes; what counts is read from the table."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from eventstore.connection import LOST, Connection
from eventstore.errors import RecordUnavailableError
from eventstore.recorder import Place, Recorded, Recorder

logger = logging.getLogger(__name__)

CHANNEL = "peiban_events"
_STANDBY = "SELECT pg_is_in_recovery()"
POLL_SECONDS = 1.0
RECONNECT_SECONDS = 1.0
HEARTBEAT_SECONDS = 5.0
"""How long the listening connection may be silent before it is asked whether it still leads to the primary."""
PAGE = 500


class Listener:
    """One connection that hears NOTIFY for all followers of this process, made anew whenever it is lost.

    on_listening: called whenever it listens anew, for whoever keeps what may have changed in between.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]]) -> None:
        self._connect = connect
        self.on_listening: Callable[[], None] = lambda: None
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
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen(self) -> None:
        connection = await self._connect()
        gone = asyncio.Event()
        connection.add_termination_listener(lambda _: gone.set())
        try:
            await connection.add_listener(CHANNEL, self._on_notify)
            self.on_listening()
            self._wake_all()  # for what came before we listened
            while not gone.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(HEARTBEAT_SECONDS):
                        await gone.wait()
                # A host that vanished, or was made a standby without a word, never closes the connection.
                if not gone.is_set() and await connection.fetchval(_STANDBY, timeout=HEARTBEAT_SECONDS):
                    return
        finally:
            connection.terminate()

    def _on_notify(self, *_: Any) -> None:
        self._wake_all()

    def _wake_all(self) -> None:
        for event in self._followers:
            event.set()


@asynccontextmanager
async def follow(recorder: Recorder, listener: Listener, after: Place) -> AsyncIterator[AsyncIterator[list[Recorded]]]:
    async with listener.wakes() as wake, aclosing(_pages(recorder, wake, after)) as pages:
        yield pages


async def _pages(recorder: Recorder, wake: asyncio.Event, after: Place) -> AsyncGenerator[list[Recorded], None]:
    """Behind a full page there is probably more: it is read while the page is being dealt with.

    Behind any other there is nothing yet; what comes meanwhile is better read as one page than as many.
    """
    ahead = asyncio.create_task(_read(recorder, wake, after))
    try:
        while True:
            page = await ahead
            if full := len(page) >= PAGE:
                ahead = asyncio.create_task(_read(recorder, wake, page[-1].place), name="read ahead")
            yield page
            if not full:
                ahead = asyncio.create_task(_wait_and_read(recorder, wake, page[-1].place))
    finally:
        ahead.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await ahead


async def _wait_and_read(recorder: Recorder, wake: asyncio.Event, after: Place) -> list[Recorded]:
    # Not wait_for: on Python 3.11 it swallows a cancellation that arrives together with the wake.
    with suppress(TimeoutError):
        async with asyncio.timeout(POLL_SECONDS):
            await wake.wait()
    return await _read(recorder, wake, after)


async def _read(recorder: Recorder, wake: asyncio.Event, after: Place) -> list[Recorded]:
    while True:
        wake.clear()  # before reading: what is committed from here on sets it again
        try:
            page = await recorder.read_on(after, PAGE)
        except RecordUnavailableError:
            await asyncio.sleep(POLL_SECONDS)
            continue
        if page:
            return page
        with suppress(TimeoutError):
            async with asyncio.timeout(POLL_SECONDS):
                await wake.wait()
