"""One stream as it comes from its publisher: made unique, repaired, counted, handed on. Nothing is decoded."""

import random
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol

from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    clamp_packets_lost,
)

from inspection.media.codecs import starts_keyframe
from inspection.media.nack import Holes
from inspection.media.packet import Kind, Packet
from inspection.media.rtp import Header, signed16, signed32
from inspection.media.sdp import Codec
from inspection.media.tally import Tally

HISTORY = 1024  # packets a viewer may ask for again; five seconds at 1.5 Mbit/s
MASK = HISTORY - 1
MAX_JUMP = 3000  # a longer leap in numbering is a new stream, not a loss
NACK_SIZE = 200  # numbers in one request; at worst four bytes each
KEYFRAME_INTERVAL = 0.5  # at most one request per this many seconds (RFC 4585 leaves it to us)


class Entry(NamedTuple):
    number: int  # extended sequence number: grows beyond 16 bits
    timestamp: int
    marker: int  # 0x80 or 0
    payload: bytes


class SenderReport(NamedTuple):
    ntp: int  # 64 bit, RFC 3550 §4
    timestamp: int
    at: float  # monotonic seconds when it arrived


class Listener(Protocol):
    """A viewer's sender."""

    def forward(self, entry: Entry) -> None: ...

    def restart(self) -> None:
        """The publisher's numbering began anew."""


class Ingest:
    """`send` takes RTCP for the publisher. `sink` gets every unique packet in order of arrival."""

    def __init__(
        self, kind: Kind, codec: Codec, send: Callable[[AnyRtcpPacket], bool], tally: Tally, clock: Callable[[], float]
    ) -> None:
        self.kind: Kind = kind
        self.codec = codec
        self.rtcp_ssrc = random.getrandbits(32)
        self.ssrc: int | None = None
        self.report: SenderReport | None = None
        self.packets = self.bytes = self.repaired = self.lost = 0
        self.last_arrival = 0.0  # monotonic
        self._send, self._tally, self._clock = send, tally, clock
        self._listeners: list[Listener] = []
        self._sink: Callable[[Packet], None] | None = None
        self._history: list[Entry | None] = [None] * HISTORY
        self._highest: int | None = None
        self._holes = Holes()
        self._keyframe_wanted = False
        self._keyframe_asked = -KEYFRAME_INTERVAL
        self._statistics = _Reception(codec.clock_rate)

    def tap(self, sink: Callable[[Packet], None] | None) -> None:
        self._sink = sink
        if sink is not None:
            self.request_keyframe()

    def add_listener(self, listener: Listener) -> None:
        self._listeners = [*self._listeners, listener]  # a new list: one may be joining while we iterate

    def remove_listener(self, listener: Listener) -> None:
        self._listeners = [other for other in self._listeners if other is not listener]

    def accept(self, packet: Header, now: float) -> None:
        """A packet on the stream's own payload type. `now` is monotonic."""
        if packet.ssrc != self.ssrc:
            self._restart(packet.ssrc)
        self._statistics.add(packet.sequence, packet.timestamp, now)
        self._take(packet.sequence, packet, packet.payload, now)

    def accept_repair(self, packet: Header, now: float) -> None:
        """A retransmission; its payload begins with the original sequence number (RFC 4588 §4)."""
        payload = packet.payload
        if len(payload) <= 2 or self._highest is None:  # padding sent to probe the line
            return
        if self._take((payload[0] << 8) | payload[1], packet, payload[2:], now):
            self.repaired += 1

    def _take(self, sequence: int, packet: Header, payload: bytes, now: float) -> bool:
        number = self._place(sequence, now)
        if number is None:
            return False
        self.packets += 1
        self.bytes += len(payload)
        self.last_arrival = now
        entry = Entry(number, packet.timestamp, packet.marker, payload)
        self._history[number & MASK] = entry
        if self._keyframe_wanted and starts_keyframe(self.codec.name, payload):
            self._keyframe_wanted = False
        for listener in self._listeners:
            listener.forward(entry)
        if self._sink is not None:
            self._record(sequence, entry)
        return True

    def _place(self, sequence: int, now: float) -> int | None:
        """The packet's extended number, or None for one seen before or too old to matter."""
        if self._highest is None:
            self._highest = sequence + 0x10000
            return self._highest
        step = signed16(sequence - self._highest)
        number = self._highest + step
        if step > 0:
            if step > MAX_JUMP:
                self._holes.clear()
                self.request_keyframe()
            elif step > 1 and self.kind == "video":
                self._holes.open(self._highest + 1, number, now)
                self._ask_again(now)
            self._highest = number
            return number
        known = self._history[number & MASK]
        if step <= -HISTORY or (known is not None and known.number == number):
            self._tally.count("rtp-duplicate-or-late")
            return None
        self._holes.fill(number)
        return number

    def _record(self, sequence: int, entry: Entry) -> None:
        packet = Packet(
            self.kind,
            self.codec.name,
            self.codec.clock_rate,
            self.codec.payload_type,
            sequence,
            entry.timestamp,
            bool(entry.marker),
            entry.payload,
            self._clock(),
        )
        try:
            assert self._sink is not None
            self._sink(packet)
        except Exception as error:  # the recorder's fault must not end the call
            self._tally.count("sink-failed", error=error)

    def _restart(self, ssrc: int) -> None:
        if self.ssrc is not None:
            self._tally.count("stream-restarted")
        self.ssrc = ssrc
        self._statistics = _Reception(self.codec.clock_rate)
        self.report = None
        self._holes.clear()
        if self._highest is not None:
            self._highest = None
            self._history = [None] * HISTORY
            for listener in self._listeners:
                listener.restart()

    def request_keyframe(self) -> None:
        """Asked until one comes, however many viewers want it."""
        if self.kind == "video":
            self._keyframe_wanted = True
            self._ask_keyframe(time.monotonic())

    def _ask_keyframe(self, now: float) -> None:
        if self.ssrc is None or now - self._keyframe_asked < KEYFRAME_INTERVAL:
            return
        if self._send(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self.rtcp_ssrc, media_ssrc=self.ssrc)):
            self._keyframe_asked = now

    def _ask_again(self, now: float) -> None:
        if self.ssrc is None:
            return
        # Sorted as 16-bit numbers: aiortc cannot pack a list that wraps.
        missing = sorted(number & 0xFFFF for number in self._holes.due(now))
        for start in range(0, len(missing), NACK_SIZE):
            lost = missing[start : start + NACK_SIZE]
            self._send(RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self.rtcp_ssrc, media_ssrc=self.ssrc, lost=lost))

    def tick(self, now: float) -> None:
        """Every few hundredths of a second."""
        if self._holes:
            lost = self._holes.give_up(now)
            if lost:
                self.lost += lost
                self.request_keyframe()
            self._ask_again(now)
        if self._keyframe_wanted:
            self._ask_keyframe(now)

    def report_reception(self, now: float) -> None:
        """Once a second: a receiver report (RFC 3550 §6.4.2)."""
        if self.ssrc is None:
            return
        last, delay = 0, 0
        if self.report is not None:
            last = (self.report.ntp >> 16) & 0xFFFF_FFFF
            delay = min(int((now - self.report.at) * 65536), 0xFFFF_FFFF)
        block = self._statistics.block(self.ssrc, last, delay)
        self._send(RtcpRrPacket(ssrc=self.rtcp_ssrc, reports=[block]))

    def on_rtcp(self, packet: AnyRtcpPacket, now: float) -> None:
        if isinstance(packet, RtcpSrPacket) and packet.ssrc == self.ssrc:
            info = packet.sender_info
            self.report = SenderReport(info.ntp_timestamp, info.rtp_timestamp, now)


class _Reception:
    """Counts for receiver reports (RFC 3550 §A.3, §A.8)."""

    def __init__(self, clock_rate: int) -> None:
        self._rate = clock_rate
        self._first: int | None = None
        self._highest = 0
        self._received = 0
        self._reported = (0, 0)
        self._jitter = 0.0
        self._last: tuple[int, float] | None = None

    def add(self, sequence: int, timestamp: int, now: float) -> None:
        self._received += 1
        if self._first is None:
            self._first = self._highest = sequence
        step = signed16(sequence - self._highest)
        if step < 0:
            return
        self._highest += step
        if self._last is not None and timestamp != self._last[0]:
            transit = (now - self._last[1]) * self._rate - signed32(timestamp - self._last[0])
            self._jitter += (abs(transit) - self._jitter) / 16
        self._last = (timestamp, now)

    def block(self, ssrc: int, last_report: int, delay: int) -> RtcpReceiverInfo:
        expected = self._highest - (self._first or 0) + 1 if self._first is not None else 0
        expected_before, received_before = self._reported
        self._reported = (expected, self._received)
        interval, arrived = expected - expected_before, self._received - received_before
        fraction = max(0, min(255, (interval - arrived) * 256 // interval)) if interval > 0 else 0
        return RtcpReceiverInfo(
            ssrc=ssrc,
            fraction_lost=fraction,
            packets_lost=clamp_packets_lost(expected - self._received),
            highest_sequence=self._highest & 0xFFFF_FFFF,
            jitter=min(int(self._jitter), 0xFFFF_FFFF),
            lsr=last_report,
            dlsr=delay,
        )
