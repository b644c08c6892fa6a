"""The coverage ledger: from when to when something is missing from a recording, and why.

Fed with packets as they arrive, once; the same class serves the recorder, the recovery and whoever checks later.
Gaps less than a second apart are told as one, so that a bad line makes a short list with honest counts.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal

from inspection.media.codecs import starts_keyframe
from inspection.media.packet import Kind, Packet
from inspection.media.rtp import signed16

SILENT_SECONDS: Final = 1.0
REPAIR_SECONDS: Final = 1.0  # how late a retransmission may come and still be used
JOIN_SECONDS: Final = 1.0
MAX_JUMP: Final = 3000  # as in the media plane: a longer leap is a new stream

Reason = Literal["silent", "lost", "not-written"]


@dataclass(frozen=True)
class Gap:
    """Seconds since the epoch. "silent": nothing came; "lost": packets never came, and for a picture also the time
    until the next key frame; "not-written": they came, but could not be stored. `packets` are those known missing.
    """

    kind: Kind
    start: float
    end: float
    reason: Reason
    packets: int


@dataclass
class _Hole:
    start: float  # arrival of the last packet before
    end: float  # arrival of the first packet after
    missing: set[int]


@dataclass
class _Stream:
    kind: Kind
    last: float  # arrival of the newest packet, or when the recording began
    highest: int | None = None
    holes: deque[_Hole] = field(default_factory=deque)
    keyframes: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=64))
    dark: Gap | None = None  # lost, and no key frame since
    gaps: list[Gap] = field(default_factory=list)


class Coverage:
    def __init__(self, opened: float, expects: Iterable[Kind] = ()) -> None:
        self._opened = opened
        self._streams: dict[Kind, _Stream] = {kind: _Stream(kind, opened) for kind in expects}

    def packet(self, packet: Packet) -> None:
        stream = self._streams.get(packet.kind)
        if stream is None:
            stream = self._streams[packet.kind] = _Stream(packet.kind, self._opened)
        if packet.arrival - stream.last > SILENT_SECONDS:
            stream.gaps.append(Gap(packet.kind, stream.last, packet.arrival, "silent", 0))
        number = _place(stream, packet)
        if packet.kind == "video" and starts_keyframe(packet.codec, packet.payload):
            stream.keyframes.append((number, packet.arrival))
            _lighten(stream, packet.arrival)
        stream.last = max(stream.last, packet.arrival)
        _expire(stream, packet.arrival)

    def not_written(self, kind: Kind, start: float, end: float, packets: int) -> None:
        stream = self._streams.setdefault(kind, _Stream(kind, self._opened))
        stream.gaps.append(Gap(kind, start, end, "not-written", packets))

    def close(self, at: float) -> list[Gap]:
        """All gaps up to the moment the recording ended, in order of their start."""
        found: list[Gap] = []
        for stream in self._streams.values():
            _expire(stream, float("inf"))
            _lighten(stream, max(at, stream.last))
            if at - stream.last > SILENT_SECONDS:
                stream.gaps.append(Gap(stream.kind, stream.last, at, "silent", 0))
            found += _join(stream.gaps)
        return sorted(found, key=lambda gap: (gap.start, gap.kind))


def _place(stream: _Stream, packet: Packet) -> int:
    if stream.highest is None:
        stream.highest = packet.sequence + 0x10000
        return stream.highest
    step = signed16(packet.sequence - stream.highest)
    number = stream.highest + step
    if step > 0:
        if 1 < step <= MAX_JUMP:
            missing = set(range(stream.highest + 1, number))
            stream.holes.append(_Hole(stream.last, packet.arrival, missing))
        stream.highest = number
    else:
        for hole in stream.holes:
            hole.missing.discard(number)
    return number


def _expire(stream: _Stream, now: float) -> None:
    while stream.holes and (not stream.holes[0].missing or now - stream.holes[0].end > REPAIR_SECONDS):
        hole = stream.holes.popleft()
        if not hole.missing:
            continue
        gap = Gap(stream.kind, hole.start, hole.end, "lost", len(hole.missing))
        if stream.kind == "audio":
            stream.gaps.append(gap)
            continue
        lit = next((arrival for number, arrival in stream.keyframes if number > max(hole.missing)), None)
        if lit is not None:
            stream.gaps.append(Gap("video", hole.start, max(lit, hole.end), "lost", gap.packets))
        elif stream.dark is None:
            stream.dark = gap
        else:
            stream.dark = Gap("video", stream.dark.start, hole.end, "lost", stream.dark.packets + gap.packets)


def _lighten(stream: _Stream, at: float) -> None:
    if stream.dark is not None:
        stream.gaps.append(Gap("video", stream.dark.start, at, "lost", stream.dark.packets))
        stream.dark = None


def _join(gaps: list[Gap]) -> list[Gap]:
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda g: g.start):
        before = joined[-1] if joined else None
        if before is None or gap.start - before.end > JOIN_SECONDS:
            joined.append(gap)
            continue
        worst = max(before, gap, key=lambda g: ("silent", "lost", "not-written").index(g.reason))
        end, packets = max(before.end, gap.end), before.packets + gap.packets
        if before.reason != gap.reason and worst.reason == "not-written":
            packets = max(before.packets, gap.packets)  # the same packets, missing from the numbering as well
        joined[-1] = Gap(gap.kind, before.start, end, worst.reason, packets)
    return joined
