"""One live room at work: the state of `room.py`, and its effects on media, recorder, record and sockets."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any, Final, Literal
from uuid import UUID, uuid4

from cases.commands import Command
from cases.dispatch import Dispatcher
from cases.errors import RefusedError
from cases.permissions import Actor, Role
from eventstore import BusyError, EventStoreError, OutcomeUnknownError, RecordUnavailableError, VersionConflictError
from inspection import room as rules
from inspection import room_io as io
from inspection import signaling as say
from inspection.commands import NotePresence, NoteRecording
from inspection.media.plane import MediaBusyError, MediaPlane
from inspection.recorder import Sealed, Take
from inspection.recording.journal import JournalExistsError

log = logging.getLogger(__name__)

ROOM: Final = Actor(id="system:room", roles=frozenset({Role.SYSTEM}), channel="system")
HEAD_SECONDS: Final = 15.0
"""Every command on the inspection reads its events again, so heads may not outnumber them by far."""
RETRY_SECONDS: Final = 0.5
MAX_WAITING: Final = 128
"""Messages that may wait for a slow socket before it is dropped."""
SEND_SECONDS: Final = 10.0

_TRANSIENT = (BusyError, OutcomeUnknownError, RecordUnavailableError, VersionConflictError)
Send = Callable[[bytes], Awaitable[None]]


class MediaOfferError(RefusedError):
    code = "media-offer"
    kind = "invalid"
    zh = "浏览器的音视频协商失败，请刷新页面后重试；如仍不行，请换用系统自带浏览器或改为现场勘验。"
    en = "Audio and video could not be agreed with this browser. Reload, try another browser, or inspect on site."


class LinesTakenError(RefusedError):
    code = MediaBusyError.code
    zh = MediaBusyError.zh
    en = MediaBusyError.en


class Tab:
    """One socket. Messages queue up to a bound; whoever does not read them is dropped, not waited for."""

    def __init__(self, send: Send, on_gone: Callable[[], None]) -> None:
        self.closed = asyncio.Event()
        self._send, self._on_gone = send, on_gone
        self._waiting: deque[say.ToClient] = deque()
        self._more = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run())
        self._task.add_done_callback(self._over)  # a task that is dropped before its first step runs no `finally`

    def put(self, message: say.ToClient) -> None:
        if self._closing:
            return
        if message.replaceable:
            for older in [m for m in self._waiting if type(m) is type(message)]:
                self._waiting.remove(older)
        if len(self._waiting) >= MAX_WAITING:
            log.warning("room.socket_dropped")
            self._task.cancel()
            return
        self._waiting.append(message)
        self._more.set()

    def close(self) -> None:
        """What waits is still sent."""
        self._closing = True
        self._more.set()

    async def _run(self) -> None:
        try:
            while self._waiting or not self._closing:
                if not self._waiting:
                    self._more.clear()
                    await self._more.wait()
                    continue
                async with asyncio.timeout(SEND_SECONDS):
                    await self._send(say.write(self._waiting.popleft()))
        except (OSError, TimeoutError, RuntimeError) as error:  # aiohttp tells a closed socket in all these ways
            log.info("room.socket_lost", extra={"error": type(error).__name__})

    def _over(self, _: asyncio.Task[None]) -> None:
        self._closing = True
        self.closed.set()
        self._on_gone()


class LiveRoom:
    """`feed` is called on the event loop only and never waits; slow work runs in tasks of the room's own."""

    def __init__(
        self,
        inspection_id: UUID,
        facts: io.Facts,
        *,
        names: Mapping[str, str | None],
        parts: list[tuple[str, int]],
        plane: MediaPlane,
        dispatcher: Dispatcher,
        recordings: Path,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id, self.name = inspection_id, str(inspection_id)
        self.state = rules.opened(facts, monotonic())
        self._names = names
        self._plane, self._dispatcher, self._recordings = plane, dispatcher, recordings
        self._monotonic = monotonic
        self._tabs: dict[int, Tab] = {}
        self._numbers = count(1)
        self._parts: Counter[str] = Counter()
        for participant, part in parts:
            self._parts[participant] = max(self._parts[participant], part)
        self._takes: dict[str, tuple[Take, asyncio.Task[None]]] = {}
        self._heads: dict[tuple[str, int], float] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands: asyncio.Queue[Command] = asyncio.Queue()
        self._untold = 0
        self._teller = asyncio.create_task(self._tell_the_record(), name=f"room {inspection_id}")

    @property
    def idle(self) -> bool:
        """Nobody is here or awaited, and everything has been told to the record."""
        return not (self.state.people or self._tasks or self._untold)

    def feed(self, input: io.Input) -> None:
        self.state, effects = rules.step(self.state, input, self._monotonic())
        for effect in effects:
            self._carry_out(effect)

    def join(self, party: str, send: Send) -> tuple[int, Tab]:
        number = next(self._numbers)
        self._tabs[number] = tab = Tab(send, lambda: self.leave(party, number))
        self.feed(io.Joined(party, self._names.get(party), number))
        return number, tab

    def leave(self, party: str, number: int) -> None:
        tab = self._tabs.pop(number, None)
        if tab is not None:
            tab.close()
            self.feed(io.SocketClosed(party, number))

    def hear(self, party: str, number: int, frame: str | bytes) -> None:
        try:
            message = say.read(frame)
        except say.MessageError as error:
            if number in self._tabs:
                self._tabs[number].put(say.problem(error))
            return
        self.feed(io.Heard(party, number, message))

    async def settled(self) -> None:
        """Waits until everything that was begun is done and told to the record."""
        while self._tasks or self._untold:
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._commands.join()

    async def stop(self) -> None:
        self._teller.cancel()
        with suppress(asyncio.CancelledError):
            await self._teller
        for task in list(self._tasks):
            task.cancel()
        for tab in list(self._tabs.values()):
            tab.close()

    # effects

    def _carry_out(self, effect: io.Effect) -> None:
        match effect:
            case io.Send(tab, message):
                if tab in self._tabs:
                    self._tabs[tab].put(message)
            case io.CloseTab(tab):
                if tab in self._tabs:
                    self._tabs[tab].close()
            case io.Negotiate():
                self._begin(self._negotiate(effect))
            case io.SetTarget(party, kbps):
                self._plane.set_target(self.name, party, kbps)
            case io.StartRecording(party):
                self._start_recording(party)
            case io.StopRecording(party):
                self._stop_recording(party)
            case io.NotePresent(party, present):
                self._tell(NotePresence(inspection_id=self.id, party=party, present=present))
            case io.DropMedia(party):
                self._begin(self._plane.leave(self.name, party))
            case io.CloseRoom():
                self._begin(self._plane.close_room(self.name))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("room.task_failed", exc_info=error)

    async def _negotiate(self, effect: io.Negotiate) -> None:
        offer = effect.offer
        reply: say.ToClient | None = None
        try:
            if isinstance(offer, say.Publish):
                answer = await self._plane.publish(self.name, effect.party, offer.sdp)
                reply = say.Published(sdp=answer, seq=offer.seq)
            else:
                answer = await self._plane.subscribe(self.name, effect.party, offer.sdp)
                reply = say.Subscribed(sdp=answer, seq=offer.seq)
        except ValueError:  # SdpRefusedError, and what its parser may still let through
            self._carry_out(io.Send(effect.tab, say.problem(MediaOfferError(), offer.seq)))
        except MediaBusyError:
            self._carry_out(io.Send(effect.tab, say.problem(LinesTakenError(), offer.seq)))
        if effect.party not in self.state.people:  # left, or the room closed, while this was agreed
            await self._plane.leave(self.name, effect.party)
        elif reply is not None:
            self._carry_out(io.Send(effect.tab, reply))

    # recording

    def _start_recording(self, party: str) -> None:
        self._parts[party] += 1
        part = self._parts[party]
        films = self.state.facts.role(party) == "applicant"
        take = Take(
            self._recordings,
            self.id,
            party,
            part,
            expects=("audio", "video") if films else (),
            on_head=lambda head, size: self._note_head(party, part, head, size),
            on_failure=lambda: self.feed(io.RecorderFailed(party, final=False)),
        )
        self._plane.tap(self.name, party, take.add)
        self._plane.request_keyframe(self.name, party)
        self._takes[party] = take, self._begin(self._open_take(take))

    async def _open_take(self, take: Take) -> None:
        try:
            await take.begin()
        except (OSError, JournalExistsError):
            log.exception("recording.open_failed", extra={"part": take.part})
            self.feed(io.RecorderFailed(take.participant, final=True))
            return
        self._tell(self._fact("opened", take.participant, take.part))
        self._heads[take.participant, take.part] = float("-inf")

    def _stop_recording(self, party: str) -> None:
        take, opening = self._takes.pop(party)
        self._plane.tap(self.name, party, None)
        self._begin(self._seal_take(take, opening))

    async def _seal_take(self, take: Take, opening: asyncio.Task[None]) -> None:
        await asyncio.wait([opening])
        sealed = await take.seal()
        if sealed is not None:
            self._tell(sealed_fact(self.id, sealed))

    def _note_head(self, party: str, part: int, head: str, size: int) -> None:
        now, told = self._monotonic(), self._heads.get((party, part))
        if told is None or now - told < HEAD_SECONDS or self._untold > MAX_WAITING:
            return  # the record does not know the part yet, or knows a head that is new enough
        self._heads[party, part] = now
        self._tell(self._fact("head", party, part, head=head, size=size))

    def _fact(self, stage: Literal["opened", "head"], party: str, part: int, **more: Any) -> NoteRecording:
        return NoteRecording(inspection_id=self.id, stage=stage, participant=party, part=part, **more)

    # the record

    def _tell(self, command: Command) -> None:
        self._untold += 1
        self._commands.put_nowait(command)

    async def _tell_the_record(self) -> None:
        while True:
            command = await self._commands.get()
            await tell(self._dispatcher, command)
            self._untold -= 1
            self._commands.task_done()


def sealed_fact(inspection_id: UUID, sealed: Sealed) -> NoteRecording:
    return NoteRecording(
        inspection_id=inspection_id,
        stage="recovered" if sealed.recovered else "sealed",
        part=sealed.part,
        participant=sealed.participant,
        head=sealed.head,
        size=sealed.size,
        first=sealed.first,
        last=sealed.last,
        gaps=sealed.gaps,
    )


async def tell(dispatcher: Dispatcher, command: Command) -> None:
    """Puts a fact of the room into the record, in order and once; a database that is away is waited for."""
    command_id = uuid4()
    while True:
        try:
            await dispatcher.handle(ROOM, command, command_id)
            return
        except _TRANSIENT:
            await asyncio.sleep(RETRY_SECONDS)
        except (RefusedError, EventStoreError) as error:
            log.warning("room.fact_refused", extra={"command": type(command).__name__, "code": error.code})
            return
        except Exception:
            log.exception("room.fact_failed", extra={"command": type(command).__name__})
            return
