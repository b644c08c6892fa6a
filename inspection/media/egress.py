"""One line of a viewer: a publisher's packets under the line's own numbers, with a memory for repeats."""

import random
import struct
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpRtpfbPacket,
    RtcpSdesPacket,
    RtcpSenderInfo,
    RtcpSourceInfo,
    RtcpSrPacket,
)

from inspection.media.codecs import starts_keyframe
from inspection.media.ingest import HISTORY, MASK, Entry, Ingest
from inspection.media.packet import Kind
from inspection.media.rtp import HEADER

REPEATS_PER_SECOND = 400  # what a viewer's line may cost us in retransmissions
_SDES_CNAME = 1


class Sent(NamedTuple):
    sequence: int
    timestamp: int
    marker: int
    payload: bytes
    at: float


class Egress:
    """A sender of one m-line. The viewer keeps it for the whole call; what it carries may change or be nothing.

    `payload_types` maps a codec's name to the viewer's payload type and that of its retransmissions.
    """

    def __init__(
        self,
        kind: Kind,
        mid: str,
        payload_types: Mapping[str, tuple[int, int | None]],
        send_rtp: Callable[[bytes], bool],
        send_rtcp: Callable[[bytes], bool],
    ) -> None:
        self.kind: Kind = kind
        self.mid = mid
        self.ssrc, self.rtx_ssrc = random.getrandbits(32), random.getrandbits(32)
        self.source: Ingest | None = None
        self.packets = self.octets = self.repeats = self.switches = 0
        self._types = payload_types
        self._send_rtp, self._send_rtcp = send_rtp, send_rtcp
        self._payload_type: int | None = None
        self._rtx_type: int | None = None
        self._waiting = True  # for a picture that stands alone
        self._first = 0  # the source's numbers below this are from before the switch
        self._shift = 0
        self._time_shift = 0
        self._last: tuple[int, int, float] | None = None  # highest extended number sent, its timestamp, when
        self._memory: list[Sent | None] = [None] * HISTORY
        self._rtx_sequence = random.getrandbits(15)
        self._budget = REPEATS_PER_SECOND

    def attach(self, source: Ingest | None) -> None:
        """Carries another source from its next key frame on, or nothing. No renegotiation."""
        if source is self.source:
            return
        if self.source is not None:
            self.source.remove_listener(self)
        self.source = source
        self.restart()
        if source is not None:
            self._payload_type, self._rtx_type = self._types.get(source.codec.name, (None, None))
            source.add_listener(self)
            source.request_keyframe()

    def restart(self) -> None:
        self._waiting = True

    def forward(self, entry: Entry) -> None:
        if self._payload_type is None or self.source is None:
            return
        if self._waiting:
            if not starts_keyframe(self.source.codec.name, entry.payload):
                self.source.request_keyframe()
                return
            self._take_over(entry)
        number, timestamp, marker, payload = entry
        if number < self._first:
            return
        out = number + self._shift
        sequence, stamp = out & 0xFFFF, (timestamp + self._time_shift) & 0xFFFF_FFFF
        now = time.monotonic()
        self._memory[sequence & MASK] = Sent(sequence, stamp, marker, payload, 0.0)
        if self._last is None or out > self._last[0]:
            self._last = (out, stamp, now)
        header = HEADER.pack(0x80, marker | self._payload_type, sequence, stamp, self.ssrc)
        if self._send_rtp(header + payload):
            self.packets += 1
            self.octets += len(payload)

    def _take_over(self, entry: Entry) -> None:
        """Joins the source's numbers to those the viewer has had, as if nothing had changed."""
        assert self.source is not None
        self._waiting = False
        self._first = entry.number
        self.switches += 1
        if self._last is None:
            self._shift = random.getrandbits(15) + 0x10000 - (entry.number & 0xFFFF)
            self._time_shift = random.getrandbits(32)
            return
        out, stamp, at = self._last
        elapsed = max(1, int((time.monotonic() - at) * self.source.codec.clock_rate))
        self._shift = out + 1 - entry.number
        self._time_shift = (stamp + elapsed - entry.timestamp) & 0xFFFF_FFFF

    def on_rtcp(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK and packet.media_ssrc == self.ssrc:
                self._repeat(packet.lost)
        elif isinstance(packet, RtcpPsfbPacket) and self.source is not None and self._asks_keyframe(packet):
            self.source.request_keyframe()

    def _asks_keyframe(self, packet: RtcpPsfbPacket) -> bool:
        if packet.fmt == RTCP_PSFB_PLI:
            return packet.media_ssrc == self.ssrc
        if packet.fmt == RTCP_PSFB_FIR:  # the addressed stream stands in the entries (RFC 5104 §4.3.1)
            own = struct.pack("!L", self.ssrc)
            return any(packet.fci[at : at + 4] == own for at in range(0, len(packet.fci), 8))
        return False

    def _repeat(self, sequences: list[int]) -> None:
        now = time.monotonic()
        for sequence in sequences:
            sent = self._memory[sequence & MASK]
            if sent is None or sent.sequence != sequence or now - sent.at < 0.02 or self._payload_type is None:
                continue
            if self._budget <= 0:
                return
            self._budget -= 1
            self._memory[sequence & MASK] = sent._replace(at=now)
            if self._rtx_type is None:
                header = HEADER.pack(0x80, sent.marker | self._payload_type, sequence, sent.timestamp, self.ssrc)
                self._send_rtp(header + sent.payload)
            else:
                self._rtx_sequence = (self._rtx_sequence + 1) & 0xFFFF
                second = sent.marker | self._rtx_type
                header = HEADER.pack(0x80, second, self._rtx_sequence, sent.timestamp, self.rtx_ssrc)
                self._send_rtp(header + sequence.to_bytes(2, "big") + sent.payload)
            self.repeats += 1

    def report(self, now: float, cname: str) -> None:
        """Once a second: the publisher's own clock passed on, so that voice and picture stay together."""
        self._budget = REPEATS_PER_SECOND
        source = self.source
        if source is None or source.report is None or self._waiting:
            return
        elapsed = now - source.report.at
        info = RtcpSenderInfo(
            ntp_timestamp=(source.report.ntp + int(elapsed * (1 << 32))) & 0xFFFF_FFFF_FFFF_FFFF,
            rtp_timestamp=(source.report.timestamp + self._time_shift + int(elapsed * source.codec.clock_rate))
            & 0xFFFF_FFFF,
            packet_count=self.packets & 0xFFFF_FFFF,
            octet_count=self.octets & 0xFFFF_FFFF,
        )
        name = RtcpSdesPacket(chunks=[RtcpSourceInfo(ssrc=self.ssrc, items=[(_SDES_CNAME, cname.encode())])])
        self._send_rtcp(bytes(RtcpSrPacket(ssrc=self.ssrc, sender_info=info)) + bytes(name))
