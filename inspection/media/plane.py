"""The media plane's public face: rooms in which people publish and receive, on one UDP port.

Everything runs on the event loop that called `MediaPlane.start`; no method may be called from another thread.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from inspection.media.ingest import Ingest
from inspection.media.packet import Packet
from inspection.media.ports import UdpPort
from inspection.media.publication import MAX_KBPS, START_KBPS, Publication, State
from inspection.media.sdp import SdpRefusedError, read_offer
from inspection.media.subscription import Subscription
from inspection.media.tally import Tally

__all__ = ["MediaBusyError", "MediaPlane", "Packet", "SdpRefusedError", "State"]

logger = logging.getLogger(__name__)

MAX_ROOMS: Final = 256
MAX_PARTICIPANTS: Final = 16
MIN_KBPS: Final = 100
TICK_SECONDS: Final = 0.05

Sink = Callable[[Packet], None]


class MediaBusyError(Exception):
    """No place left in the room or on this process."""

    code = "media-busy"
    zh = "视频通道已满，请稍后再试；若一直如此，请改为现场勘验。"
    en = "All video lines are taken. Try again shortly; if it stays so, inspect on site."


@dataclass
class _Member:
    publication: Publication | None = None
    subscription: Subscription | None = None
    sink: Sink | None = None
    target_kbps: int = START_KBPS


@dataclass
class _Room:
    members: dict[str, _Member] = field(default_factory=dict)
    camera: str | None = None  # chosen by the owner; otherwise whoever published a picture first


class MediaPlane:
    """`on_change(room, participant, state)` tells of publishers only: "connected" before their first packet is
    handed on, "media" and "silent" as it flows or stops, "disconnected" when the connection is over.
    """

    def __init__(self, port: UdpPort, tally: Tally, clock: Callable[[], float]) -> None:
        self.on_change: Callable[[str, str, State], None] = _ignore
        self.port = port.number
        self._port, self._tally, self._clock = port, tally, clock
        self._rooms: dict[str, _Room] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._ticker = asyncio.create_task(self._tick())

    @classmethod
    async def start(
        cls,
        *,
        bind: str = "127.0.0.1",
        port: int = 0,
        advertise: Sequence[str] = ("127.0.0.1",),
        clock: Callable[[], float] = time.time,
    ) -> "MediaPlane":
        """`advertise` are the IPv4 addresses told to clients, the best first; `port` 0 takes a free one."""
        tally = Tally()
        return cls(UdpPort.open(bind, port, advertise, tally), tally, clock)

    async def publish(self, room: str, participant: str, offer: str) -> str:
        """SDP answer to what the participant wants to send. A second offer replaces the first: a reconnection.

        Raises SdpRefusedError, MediaBusyError; the call that was there goes on then.
        """
        member = self._member(room, participant)
        try:
            made = Publication(
                read_offer(offer),
                self._port,
                self._tally,
                clock=self._clock,
                on_state=lambda publication, state: self._publisher_is(room, participant, publication, state),
            )
        except ValueError:
            self._tally.count("sdp-refused")
            self._tidy(room, participant)
            raise
        if member.publication is not None:
            self._end_publication(room, participant, member.publication)
        member = self._member(room, participant)
        made.target_kbps = member.target_kbps
        made.tap(member.sink)
        member.publication = made
        made.begin()
        return made.answer

    async def subscribe(self, room: str, participant: str, offer: str) -> str:
        """SDP answer to `recvonly` lines: one video for the room's camera, any number of audio for the voices of the
        others. The first audio line carries the camera's own voice; its track is in media stream "camera".
        """
        member = self._member(room, participant)
        try:
            made = Subscription(
                read_offer(offer),
                self._port,
                self._tally,
                on_end=lambda subscription: self._viewer_left(room, participant, subscription),
            )
        except ValueError:
            self._tally.count("sdp-refused")
            self._tidy(room, participant)
            raise
        if member.subscription is not None:
            self._end_later(member.subscription)
        member.subscription = made
        made.begin()
        self._rewire(room)
        return made.answer

    def tap(self, room: str, participant: str, sink: Sink | None) -> None:
        """Feeds a recorder with every unique packet of the participant, in order of arrival, also after a
        reconnection, until `None` is given. Called on the event loop: the sink must not block.
        """
        member = self._member(room, participant)
        member.sink = sink
        if member.publication is not None:
            member.publication.tap(sink)
        self._tidy(room, participant)

    def request_keyframe(self, room: str, participant: str) -> None:
        publication = self._publication(room, participant)
        if publication is not None and "video" in publication.sources:
            publication.sources["video"].request_keyframe()

    def set_target(self, room: str, participant: str, kbps: int) -> None:
        """Ceiling of the participant's picture, 100 … 1500 kbit/s; takes effect within a second."""
        kbps = max(MIN_KBPS, min(MAX_KBPS, kbps))
        member = self._member(room, participant)
        member.target_kbps = kbps
        if member.publication is not None:
            member.publication.target_kbps = kbps
            member.publication.cap()

    def select_camera(self, room: str, participant: str | None) -> None:
        """Whose picture the others see; None for whoever published one first."""
        if room in self._rooms:
            self._rooms[room].camera = participant
            self._rewire(room)

    def stats(self, room: str | None = None) -> dict[str, Any]:
        now = time.monotonic()
        wanted = self._rooms if room is None else {room: self._rooms[room]} if room in self._rooms else {}
        return {
            "port": self.port,
            "datagrams_received": self._port.received,
            "datagrams_sent": self._port.sent,
            "counts": self._tally.snapshot(),
            "rooms": {
                name: {
                    who: {
                        "publishing": member.publication.stats(now) if member.publication is not None else None,
                        "receiving": member.subscription.stats() if member.subscription is not None else None,
                    }
                    for who, member in each.members.items()
                }
                for name, each in wanted.items()
            },
        }

    async def leave(self, room: str, participant: str) -> None:
        """Ends what the participant sends and receives, and forgets his tap and target."""
        member = self._rooms[room].members.get(participant) if room in self._rooms else None
        if member is None:
            return
        if member.publication is not None:
            self._end_publication(room, participant, member.publication)
        if member.subscription is not None:
            self._end_later(member.subscription)
            member.subscription = None
        if room in self._rooms:
            self._rooms[room].members.pop(participant, None)
            self._rewire(room)
            if not self._rooms[room].members:
                del self._rooms[room]
        await self._settle()

    async def close_room(self, room: str) -> None:
        for participant in list(self._rooms[room].members) if room in self._rooms else ():
            await self.leave(room, participant)

    async def close(self) -> None:
        self._ticker.cancel()
        for room in list(self._rooms):
            await self.close_room(room)
        await self._settle()
        self._port.close()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            now = time.monotonic()
            for room in list(self._rooms.values()):
                for member in list(room.members.values()):
                    try:
                        if member.publication is not None:
                            member.publication.tick(now)
                        if member.subscription is not None:
                            member.subscription.tick(now)
                    except Exception as error:  # one connection's fault must not stop the others' feedback
                        self._tally.count("tick-failed", error=error)

    def _member(self, room: str, participant: str) -> _Member:
        found = self._rooms.get(room)
        if found is None:
            if len(self._rooms) >= MAX_ROOMS:
                raise MediaBusyError("too many rooms")
            found = self._rooms[room] = _Room()
        if participant not in found.members:
            if len(found.members) >= MAX_PARTICIPANTS:
                raise MediaBusyError("the room is full")
            found.members[participant] = _Member()
        return found.members[participant]

    def _publication(self, room: str, participant: str) -> Publication | None:
        member = self._rooms[room].members.get(participant) if room in self._rooms else None
        return member.publication if member is not None else None

    def _tidy(self, room: str, participant: str) -> None:
        """Forgets a member of whom nothing is left."""
        found = self._rooms.get(room)
        if found is not None and found.members.get(participant) == _Member():
            del found.members[participant]
            if not found.members:
                del self._rooms[room]

    def _rewire(self, room: str) -> None:
        found = self._rooms.get(room)
        if found is None:
            return
        live = {w: m.publication for w, m in found.members.items() if m.publication and m.publication.connected}
        for viewer, member in found.members.items():
            if member.subscription is None:
                continue
            others = {who: publication.sources for who, publication in live.items() if who != viewer}
            cameras = [who for who, sources in others.items() if "video" in sources]
            camera = found.camera if found.camera in cameras else next(iter(cameras), None)
            picture: Ingest | None = others[camera].get("video") if camera is not None else None
            voices = {who: sources["audio"] for who, sources in others.items() if "audio" in sources}
            member.subscription.show(camera, picture, voices)

    def _publisher_is(self, room: str, participant: str, publication: Publication, state: State) -> None:
        if publication.ended or self._publication(room, participant) is not publication:
            return
        if state == "disconnected":
            self._end_publication(room, participant, publication)
            self._tidy(room, participant)
            return
        self._tell(room, participant, state)
        if state == "connected":
            self._rewire(room)

    def _viewer_left(self, room: str, participant: str, subscription: Subscription) -> None:
        if subscription.ended:
            return
        self._end_later(subscription)
        member = self._rooms[room].members.get(participant) if room in self._rooms else None
        if member is not None and member.subscription is subscription:
            member.subscription = None
            self._tidy(room, participant)

    def _end_publication(self, room: str, participant: str, publication: Publication) -> None:
        member = self._rooms[room].members[participant]
        member.publication = None
        publication.tap(None)
        self._end_later(publication)
        self._rewire(room)
        if publication.connected:
            self._tell(room, participant, "disconnected")

    def _end_later(self, connection: Publication | Subscription) -> None:
        connection.ended = True
        task = asyncio.create_task(connection.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _settle(self) -> None:
        if self._closing:
            await asyncio.gather(*self._closing, return_exceptions=True)

    def _tell(self, room: str, participant: str, state: State) -> None:
        try:
            self.on_change(room, participant, state)
        except Exception as error:  # the owner's fault must not end the call
            self._tally.count("on-change-failed", error=error)


def _ignore(_room: str, _participant: str, _state: State) -> None:
    """Nobody is listening yet."""
