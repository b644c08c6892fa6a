"""Our recorder as the package's synchronous ones: every verb is run on a loop in a thread and waited for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
)

from eventstore.batch import BatchWriter
from eventstore.connection import Connection, Reader, connect
from eventstore.mapper import Mapper
from eventstore.recorder import Recorder
from eventstore.subscription import Listener

T = TypeVar("T")


class Bridge:
    """A recorder of the service's role, and the loop it lives on."""

    def __init__(self, service_url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.run(self._open(service_url))

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def close(self) -> None:
        self.run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def next_notifications(self, after: int | None, topics: Sequence[str]) -> list[Notification]:
        async with self._listener.wakes() as wake:
            while True:
                wake.clear()  # before reading: what is committed from here on sets it again
                if page := await self.recorder.select_notifications(after, 100, None, topics, inclusive_of_start=False):
                    return page
                await wake.wait()

    async def _open(self, service_url: str) -> None:
        async def another() -> Connection:
            return await connect(service_url)

        self._reader = await Reader.open(service_url, 4)
        self._writer = BatchWriter(another)
        self._listener = Listener(another)
        self.recorder = Recorder(self._reader, Mapper(), self._writer)

    async def _close(self) -> None:
        await self._writer.close()
        await self._listener.close()
        await self._reader.close()


class BridgedAggregateRecorder(AggregateRecorder):
    """Of one kind only in this: the package's aggregate recorders know of no positions and answer None."""

    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge
        self._recorder = bridge.recorder

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        self._bridge.run(self._recorder.insert_events(stored_events, **kwargs))
        return None

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        assert isinstance(originator_id, UUID)
        return self._bridge.run(self._recorder.select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit))


class BridgedProcessRecorder(BridgedAggregateRecorder, ProcessRecorder):
    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        return self._bridge.run(self._recorder.insert_events(stored_events, **kwargs))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        return self._bridge.run(
            self._recorder.select_notifications(start, limit, stop, topics, inclusive_of_start=inclusive_of_start)
        )

    def max_notification_id(self) -> int | None:
        return self._bridge.run(self._recorder.max_notification_id())

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        return BridgedSubscription(self, gt, topics)

    def insert_tracking(self, tracking: Tracking) -> None:
        self._bridge.run(self._recorder.insert_tracking(tracking))

    def max_tracking_id(self, application_name: str) -> int | None:
        return self._bridge.run(self._recorder.max_tracking_id(application_name))

    def has_tracking_id(self, application_name: str, notification_id: int | None) -> bool:
        return self._bridge.run(self._recorder.has_tracking_id(application_name, notification_id))

    def wait(
        self,
        application_name: str,
        notification_id: int | None,
        timeout: float = 1.0,
        interrupt: threading.Event | None = None,
    ) -> None:
        self._bridge.run(self._wait(application_name, notification_id, timeout, interrupt))

    async def _wait(self, name: str, position: int | None, seconds: float, interrupt: threading.Event | None) -> None:
        raised = asyncio.Event()
        if interrupt and interrupt.is_set():
            raised.set()
        await self._recorder.wait(name, position, seconds, raised)

    def next_notifications(self, after: int | None, topics: Sequence[str]) -> list[Notification]:
        return self._bridge.run(self._bridge.next_notifications(after, topics))


class BridgedSubscription(Subscription[ApplicationRecorder]):
    def __init__(self, recorder: BridgedProcessRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._next = recorder.next_notifications
        self._page: list[Notification] = []

    def __next__(self) -> Notification:
        if self._has_been_stopped:
            raise StopIteration
        if not self._page:
            self._page = self._next(self._last_notification_id, self._topics)
        notification = self._page.pop(0)
        self._last_notification_id = notification.id
        return notification
