"""Transport-wide congestion control feedback: when each packet of a publisher arrived.

draft-holmer-rmcat-transport-wide-cc-extensions-01. The publisher's own estimator turns it into a bit rate; only
what the server received counts, so a slow viewer never lowers the picture that is recorded.
"""

import struct

from aiortc.rtp import RTCP_RTPFB, pack_rtcp_packet

from inspection.media.rtp import signed16

FORMAT = 15
MAX_SPAN = 1000  # packets in one report; 7 to a chunk and at most 2 bytes of delta each keep it below 1500 bytes
MAX_PACKETS = 400
_TICK = 0.00025  # deltas are in 250 µs, the reference time in 64 ms
_REFERENCE = 0.064


class Arrivals:
    """Collects arrival times between two reports. `now` is any monotonic clock in seconds."""

    def __init__(self) -> None:
        self._seen: dict[int, float] = {}
        self._reports = 0

    def add(self, number: int, now: float) -> None:
        if len(self._seen) < MAX_PACKETS:
            self._seen.setdefault(number, now)

    def full(self) -> bool:
        return len(self._seen) >= MAX_PACKETS

    def report(self, sender_ssrc: int, media_ssrc: int) -> bytes | None:
        """One RTCP packet for all that arrived since the last report, or nothing to say."""
        if not self._seen:
            return None
        seen, self._seen = self._seen, {}
        anchor = next(iter(seen))
        order = sorted(seen, key=lambda n: signed16(n - anchor))
        span = signed16(order[-1] - order[0]) + 1
        if not 0 < span <= MAX_SPAN:  # the publisher started again, or is playing tricks
            return None
        reference = int(min(seen.values()) / _REFERENCE)
        symbols, deltas = _encode(seen, order[0], span, reference * _REFERENCE)
        head = struct.pack("!LLHH", sender_ssrc, media_ssrc, order[0], span)
        body = head + (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._reports & 0xFF]) + symbols + deltas
        self._reports += 1
        return pack_rtcp_packet(RTCP_RTPFB, FORMAT, body + bytes(-len(body) % 4))


def _encode(seen: dict[int, float], first: int, span: int, clock: float) -> tuple[bytes, bytes]:
    symbols: list[int] = []
    deltas = bytearray()
    for offset in range(span):
        at = seen.get((first + offset) & 0xFFFF)
        if at is None:
            symbols.append(0)
            continue
        ticks = max(-32768, min(32767, round((at - clock) / _TICK)))
        clock += ticks * _TICK
        if 0 <= ticks <= 255:
            symbols.append(1)
            deltas.append(ticks)
        else:
            symbols.append(2)
            deltas += struct.pack("!h", ticks)
    chunks = bytearray()
    for start in range(0, span, 7):  # status vector chunks of two-bit symbols
        chunk = 0xC000
        for index, symbol in enumerate(symbols[start : start + 7]):
            chunk |= symbol << (12 - 2 * index)
        chunks += struct.pack("!H", chunk)
    return bytes(chunks), bytes(deltas)
