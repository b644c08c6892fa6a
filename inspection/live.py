"""The live rooms of this process: who joins, what the record says, and what a crash left behind."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from cases.dispatch import Dispatcher
from cases.errors import NotPermittedError
from eventstore import AggregateNotFoundError, EventStore, Place, RecordChangedError
from inspection import room_io as io
from inspection.commands import NoteRecording
from inspection.errors import RoomEndedError
from inspection.events import RecordingHead
from inspection.inspection import Inspection
from inspection.live_room import LiveRoom, Send, Tab, sealed_fact, tell
from inspection.media.plane import MediaPlane, State
from inspection.names import names_of
from inspection.recorder import Sealed, journal_path, parts_on_disk, read_sealed, settle

log = logging.getLogger(__name__)

TICK_SECONDS: Final = 1.0
CLOSE_SECONDS: Final = 10.0
COMPLETE: Final = "complete"
"""Marks a folder whose inspection is over and whose every journal the record knows: never read again at a start."""


class Seat:
    """A participant's place, as long as his page is open. When `closed` is set, the edge closes the socket."""

    def __init__(self, room: LiveRoom, party: str, number: int, tab: Tab) -> None:
        self.party = party
        self.closed = tab.closed
        self._room, self._number = room, number

    async def receive(self, frame: str | bytes) -> None:
        """Takes one frame, whatever it holds; never raises for it."""
        self._room.hear(self.party, self._number, frame)

    async def leave(self) -> None:
        """The socket is gone; the participant has some time to come back."""
        self._room.leave(self.party, self._number)


class LiveRooms:
    """`start` before the first join, `close` at the end. `recordings`: the folder of the journals."""

    def __init__(
        self,
        plane: MediaPlane,
        dispatcher: Dispatcher,
        store: EventStore,
        recordings: Path,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plane, self._dispatcher, self._store, self._recordings = plane, dispatcher, store, recordings
        self._monotonic = monotonic
        self._rooms: dict[UUID, LiveRoom] = {}
        self._opening = asyncio.Lock()
        self._learning = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False

    async def start(self) -> None:
        """Seals what a crash left open and says so in the record; then rooms open as participants come back."""
        self._recordings.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = await self._store.place()
        self._plane.on_change = self._media_is
        self._tasks = [
            asyncio.create_task(self._follow(place), name="live rooms follow"),
            asyncio.create_task(self._tick(), name="live rooms tick"),
        ]
        for folder in sorted(await asyncio.to_thread(lambda: list(self._recordings.iterdir()))):
            await self._recover(folder)

    async def join(self, inspection_id: UUID, party: str, role: str, send: Send) -> Seat:
        """party: who acts, permitted by the edge (`JoinRoom`); role: `applicant` or `inspector`, as the record has it.

        send: writes one text frame. Raises RoomEndedError, NotPermittedError, MissingError, AggregateNotFoundError.
        """
        inspection = await self._store.get(Inspection, inspection_id)
        party = inspection.party(party)
        # From here on nothing is waited for, or an empty room could be put away before it is entered.
        room = await self._room(inspection_id)
        if role != room.state.facts.role(party):
            raise NotPermittedError
        if room.state.closed is not None:
            raise RoomEndedError
        number, tab = room.join(party, send)
        return Seat(room, party, number, tab)

    def revoke(self, actor: str, inspection_id: UUID | None = None) -> None:
        """Shuts a participant out at once, from one room or from all."""
        for id, room in self._rooms.items():
            if inspection_id in (None, id):
                room.feed(io.Revoked(actor))

    async def close(self) -> None:
        """Seals all recordings and tells the record, within ten seconds; what is not done then is recovered later."""
        self._closing = True
        for room in self._rooms.values():
            room.feed(io.Shutdown())
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*(room.settled() for room in self._rooms.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for room in self._rooms.values():
            await room.stop()

    # rooms

    async def _room(self, inspection_id: UUID) -> LiveRoom:
        async with self._opening:
            if self._closing:
                raise RoomEndedError
            if inspection_id not in self._rooms:
                await self._open(inspection_id)
            return self._rooms[inspection_id]

    async def _open(self, inspection_id: UUID) -> None:
        inspection = await self._store.get(Inspection, inspection_id)
        if inspection.over:
            raise RoomEndedError
        on_disk = await asyncio.to_thread(parts_on_disk, self._recordings, inspection_id)
        self._rooms[inspection_id] = LiveRoom(
            inspection_id,
            facts_of(inspection),
            names=await names_of(self._store, inspection),
            parts=[*inspection.recordings, *on_disk],
            plane=self._plane,
            dispatcher=self._dispatcher,
            recordings=self._recordings,
            monotonic=self._monotonic,
        )
        await self._learn(inspection_id, 0)  # what was recorded between loading and being followed

    def _media_is(self, name: str, party: str, state: State) -> None:
        room = self._rooms.get(UUID(name))
        if room is not None:
            room.feed(io.MediaIs(party, state))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            for id, room in list(self._rooms.items()):
                try:
                    await self._tick_room(id, room)
                except Exception:  # one room's fault, or a record that is away, must not stop the others' time
                    log.exception("rooms.tick_failed", extra={"inspection": str(id)})

    async def _tick_room(self, id: UUID, room: LiveRoom) -> None:
        room.feed(io.Tick())
        if not room.idle or self._opening.locked():  # somebody is about to enter
            return
        ended = room.state.facts.ended
        del self._rooms[id]
        await room.stop()
        if ended:
            await self._mark_complete(id)

    # the record

    async def _follow(self, place: Place) -> None:
        while True:
            try:
                async with self._store.follow(after=place) as pages:
                    async for page in pages:
                        news = {
                            recorded.originator_id: recorded.position
                            for recorded in page
                            if recorded.originator_id in self._rooms and not isinstance(recorded.event, RecordingHead)
                        }
                        for inspection_id, at in news.items():
                            await self._learn(inspection_id, at)
                        place = page[-1].place
            except RecordChangedError:
                log.exception("rooms.record_changed")
                place = await self._learn_anew(place)
            except Exception:
                log.exception("rooms.follow_failed")
                await asyncio.sleep(TICK_SECONDS)

    async def _learn_anew(self, lost: Place) -> Place:
        """From where to follow after the record turned out to be another: every room is told what it says now."""
        try:
            place = await self._store.place()
            for inspection_id in list(self._rooms):
                with suppress(AggregateNotFoundError):  # lost as well: its room ends as rooms do that nobody enters
                    await self._learn(inspection_id, place.position)
        except Exception:
            log.exception("rooms.follow_failed")
            await asyncio.sleep(TICK_SECONDS)
            return lost
        return place

    async def _learn(self, inspection_id: UUID, position: int) -> None:
        async with self._learning:  # what was read earlier must not arrive later
            inspection = await self._store.get(Inspection, inspection_id)
            if inspection_id in self._rooms:
                self._rooms[inspection_id].feed(io.Learned(facts_of(inspection), position))

    # after a crash

    async def _recover(self, folder: Path) -> None:
        try:
            inspection_id = UUID(folder.name)
        except ValueError:
            return
        if (folder / COMPLETE).exists():
            return
        try:
            inspection = await self._store.get(Inspection, inspection_id)
        except AggregateNotFoundError:
            log.error("recording.of_nothing", extra={"folder": folder.name})
            return
        try:
            settled = await asyncio.to_thread(self._settle, folder, inspection)
        except OSError:
            log.exception("recording.recovery_failed", extra={"folder": folder.name})
            return
        for (participant, part), sealed in sorted(settled.items()):
            if (participant, part) not in inspection.recordings:
                opened = NoteRecording(inspection_id=inspection_id, stage="opened", participant=participant, part=part)
                await tell(self._dispatcher, opened)
            await tell(self._dispatcher, sealed_fact(inspection_id, sealed))
        if inspection.over:
            await self._mark_complete(inspection_id)
        else:
            await self._room(inspection_id)

    def _settle(self, folder: Path, inspection: Inspection) -> dict[tuple[str, int], Sealed]:
        """The facts of all parts that were open on the disk, or are open in the record only."""
        settled = {(sealed.participant, sealed.part): sealed for sealed in settle(folder)}
        for key, status in inspection.recordings.items():
            if status == "running" and key not in settled:
                try:
                    sealed = read_sealed(journal_path(self._recordings, inspection.id, *key))
                except FileNotFoundError:
                    log.error("recording.lost", extra={"folder": folder.name, "part": key[1]})
                    continue
                if sealed is not None:
                    settled[key] = sealed
        return settled

    async def _mark_complete(self, inspection_id: UUID) -> None:
        inspection = await self._store.get(Inspection, inspection_id)
        folder = self._recordings / str(inspection_id)
        if inspection.over and "running" not in inspection.recordings.values() and folder.is_dir():
            await asyncio.to_thread((folder / COMPLETE).touch)


def facts_of(inspection: Inspection) -> io.Facts:
    return io.Facts(
        applicant=inspection.applicant_party,
        inspectors=frozenset(inspection.inspectors),
        notice_accepted=bool(inspection.notice_accepted),
        started=inspection.started_at is not None,
        ended=inspection.over,
        in_room=frozenset(inspection.in_room),
        waiting_for=tuple(inspection.waiting_for) if inspection.started_at is None else (),
    )
