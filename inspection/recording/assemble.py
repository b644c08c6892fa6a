"""From a journal's packets back to encoded frames, with times. Nothing is decoded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from inspection.media.codecs import PayloadMalformedError, depayload, is_keyframe, starts_frame, starts_keyframe
from inspection.media.packet import Kind, Packet
from inspection.media.rtp import signed16, signed32
from inspection.recording import records
from inspection.recording.coverage import MAX_JUMP, REPAIR_SECONDS

STEP_SECONDS: Final = 2.0  # when arrival and timestamps part by more, the publisher's clock began anew


@dataclass(frozen=True)
class Frame:
    kind: Kind
    codec: str
    data: bytes
    keyframe: bool
    at: float  # seconds since the epoch: when it would have arrived on a line without jitter
    packets: int


@dataclass(frozen=True)
class _Timed:
    packet: Packet
    number: int  # extended sequence number
    run: int  # which stretch of the publisher's clock
    seconds: float  # on that clock


class _PublisherClock:
    """Follows one stream's timestamps across wraps and restarts.

    The least delayed packet of each run tells how the publisher's clock stands to ours.
    """

    def __init__(self) -> None:
        self.offsets: list[float] = []
        self._ticks = 0
        self._timestamp: int | None = None
        self._recent = 0.0

    def place(self, packet: Packet) -> tuple[int, float]:
        step = 0 if self._timestamp is None else signed32(packet.timestamp - self._timestamp)
        ticks = self._ticks + step
        seconds = ticks / packet.clock_rate
        offset = packet.arrival - seconds
        newer = self._timestamp is None or step > 0
        if not self.offsets or (newer and abs(offset - self._recent) > STEP_SECONDS):
            self.offsets.append(offset)
        if newer:
            self._ticks, self._timestamp, self._recent = ticks, packet.timestamp, offset
        self.offsets[-1] = min(self.offsets[-1], offset)
        return len(self.offsets) - 1, seconds


def packets(path: Path) -> Iterator[Packet]:
    """The journal's packets up to its end or its first damage."""
    with path.open("rb") as file:
        for record in records.read(file):
            if isinstance(record, records.Damage):
                return
            if record.type == records.PACKET:
                yield records.unpack_packet(record.body)


@dataclass
class _Line:
    """One kind's packets put in order, waiting for late ones as long as the media plane may still get them."""

    next: int | None = None
    highest: int = 0
    held: dict[int, _Timed] = field(default_factory=dict)

    def number(self, sequence: int) -> int:
        if self.next is None:
            self.next = self.highest = sequence + 0x10000
        number = self.highest + signed16(sequence - self.highest)
        self.highest = max(self.highest, number)
        return number

    def add(self, timed: _Timed) -> Iterator[_Timed | None]:
        """In order; None stands for a hole."""
        assert self.next is not None
        if timed.number < self.next or timed.number in self.held:
            return
        if timed.number - self.next > MAX_JUMP:
            yield from self.rest()
            yield None
            self.next = timed.number
        self.held[timed.number] = timed
        yield from self._ready()
        while self.held and timed.packet.arrival - min(t.packet.arrival for t in self.held.values()) > REPAIR_SECONDS:
            yield None
            self.next = min(self.held)
            yield from self._ready()

    def rest(self) -> Iterator[_Timed | None]:
        while self.held:
            yield None
            self.next = min(self.held)
            yield from self._ready()

    def _ready(self) -> Iterator[_Timed]:
        assert self.next is not None
        while self.next in self.held:
            yield self.held.pop(self.next)
            self.next += 1


class _Picture:
    """Joins a picture's packets; after a loss waits for a key frame."""

    def __init__(self) -> None:
        self._parts: list[_Timed] = []
        self._waiting = True
        self.dropped = 0

    def add(self, timed: _Timed | None) -> Iterator[list[_Timed]]:
        if timed is None:
            self.dropped += bool(self._parts)
            self._parts, self._waiting = [], True
            return
        packet = timed.packet
        if not packet.payload:  # padding
            return
        if self._parts and self._parts[0].packet.timestamp != packet.timestamp:
            yield self._parts
            self._parts = []
        if not self._parts:
            begins = starts_keyframe if self._waiting else starts_frame
            if not begins(packet.codec, packet.payload):
                self._waiting = True
                self.dropped += packet.marker
                return
            self._waiting = False
        self._parts.append(timed)
        if packet.marker:
            yield self._parts
            self._parts = []


def frames(path: Path) -> Iterator[Frame]:
    """All frames a decoder can use, in the order in which they became complete. Reads the file twice: first for how
    the publisher's clocks stand to ours.
    """
    offsets = _offsets(packets(path))
    clocks: dict[Kind, _PublisherClock] = {}
    lines: dict[Kind, _Line] = {}
    picture = _Picture()
    for packet in packets(path):
        clock = clocks.setdefault(packet.kind, _PublisherClock())
        line = lines.setdefault(packet.kind, _Line())
        run, seconds = clock.place(packet)
        timed = _Timed(packet, line.number(packet.sequence), run, seconds)
        yield from _emit(packet.kind, line.add(timed), picture, offsets)
    for kind, line in lines.items():
        yield from _emit(kind, line.rest(), picture, offsets)


def _offsets(all_packets: Iterable[Packet]) -> dict[Kind, list[float]]:
    clocks: dict[Kind, _PublisherClock] = {}
    for packet in all_packets:
        clocks.setdefault(packet.kind, _PublisherClock()).place(packet)
    return {kind: clock.offsets for kind, clock in clocks.items()}


def _emit(
    kind: Kind, ordered: Iterable[_Timed | None], picture: _Picture, offsets: dict[Kind, list[float]]
) -> Iterator[Frame]:
    for timed in ordered:
        groups = [[timed]] if kind == "audio" and timed is not None else picture.add(timed) if kind == "video" else []
        for group in groups:
            first = group[0]
            try:
                data = b"".join(depayload(t.packet.codec, t.packet.payload) for t in group)
            except PayloadMalformedError:
                continue
            if data:
                codec = first.packet.codec
                at = offsets[kind][first.run] + first.seconds
                yield Frame(kind, codec, data, is_keyframe(codec, data), at, len(group))
