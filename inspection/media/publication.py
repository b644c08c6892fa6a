"""What one participant sends: a transport, at most one voice and one picture, and the feedback owed for them."""

import time
from collections.abc import Callable
from typing import Any, Final, Literal

from aiortc.rtp import (
    RTCP_PSFB_APP,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    pack_remb_fci,
)

from inspection.media import rtp
from inspection.media.ingest import Ingest
from inspection.media.packet import Kind, Packet
from inspection.media.ports import UdpPort
from inspection.media.sdp import Answer, MediaLine, Offer, SdpRefusedError, write_answer
from inspection.media.tally import Tally
from inspection.media.transport import MediaTransport
from inspection.media.twcc import Arrivals

State = Literal["connected", "disconnected", "media", "silent"]

START_KBPS: Final = 500  # about 540p; half an hour stays near 120 MB with the voice
MAX_KBPS: Final = 1500  # 720p, on request
VOICE_KBPS: Final = 48
CONNECT_SECONDS: Final = 30.0
ABANDON_SECONDS: Final = 30.0  # of complete quiet; a tunnel is shorter, a lost phone is not
SILENT_SECONDS: Final = 2.0
_FEEDBACK_SECONDS: Final = 0.1


class Publication:
    """Created from an offer; `answer` goes back. `on_state` may be called with each `State`, any number of times."""

    def __init__(
        self,
        offer: Offer,
        port: UdpPort,
        tally: Tally,
        *,
        clock: Callable[[], float],
        on_state: Callable[["Publication", State], None],
    ) -> None:
        chosen = {kind: _first(offer, kind) for kind in ("audio", "video")}
        lines = {line.mid: line for line in chosen.values() if line is not None}
        if not lines:
            raise SdpRefusedError("neither opus nor VP8 or H.264 is offered for sending")
        endpoint = port.endpoint(offer.ufrag)
        self._transport = MediaTransport(
            endpoint, tally, on_rtp=self._on_rtp, on_rtcp=self._on_rtcp, on_state=self._on_transport
        )
        self._tally, self._on_state = tally, on_state
        self._routes: dict[int, tuple[Ingest, bool]] = {}  # payload type → stream, and whether it repeats
        self.sources: dict[Kind, Ingest] = {}
        for line in lines.values():
            self._carry(line, clock)
        self._twcc_id = next((line.transport_cc for line in lines.values() if line.transport_cc), 0)
        self._arrivals = Arrivals()
        self._born = self._last_packet = time.monotonic()
        self._feedback_at = self._second_at = 0.0
        self._seen_bytes = 0
        self.connected = self.ended = self._flowing = False
        self.target_kbps = START_KBPS
        self._offer = offer
        self.answer = write_answer(
            offer,
            {mid: self._accept(line) for mid, line in lines.items()},
            ufrag=endpoint.local_ufrag,
            password=endpoint.local_password,
            fingerprint=self._transport.fingerprint,
            candidates=port.candidates(),
        )

    def _carry(self, line: MediaLine, clock: Callable[[], float]) -> None:
        kind: Kind = "audio" if line.kind == "audio" else "video"
        codec = line.codecs[0]
        ingest = Ingest(kind, codec, self._transport.send_rtcp, self._tally, clock)
        self.sources[kind] = ingest
        self._routes[codec.payload_type] = (ingest, False)
        if codec.rtx is not None:
            self._routes[codec.rtx] = (ingest, True)

    def _accept(self, line: MediaLine) -> Answer:
        """One codec only, so that the publisher never changes it in the middle."""
        video = line.kind == "video"
        hints = f"x-google-min-bitrate=100;x-google-start-bitrate={START_KBPS};x-google-max-bitrate={MAX_KBPS}"
        return Answer(
            direction="recvonly",
            codecs=line.codecs[:1],
            transport_cc=line.transport_cc,
            bandwidth_kbps=MAX_KBPS if video else None,
            codec_hints=hints if video else "",
        )

    def begin(self) -> None:
        self._transport.begin(self._offer.fingerprints)

    async def close(self) -> None:
        self.ended = True
        await self._transport.close()

    def tap(self, sink: Callable[[Packet], None] | None) -> None:
        for source in self.sources.values():
            source.tap(sink)

    def _on_transport(self, state: str) -> None:
        if state == "connected":
            self.connected = True
            self._last_packet = time.monotonic()
            self._on_state(self, "connected")
        elif state in ("closed", "failed"):
            self._on_state(self, "disconnected")

    def _on_rtp(self, data: bytes) -> None:
        now = time.monotonic()
        try:
            packet = rtp.parse(data, self._twcc_id)
        except rtp.RtpMalformedError:
            self._tally.count("rtp-malformed")
            return
        if packet.transport_sequence is not None:
            self._arrivals.add(packet.transport_sequence, now)
            if self._arrivals.full():
                self._feed_back(now)
        route = self._routes.get(packet.payload_type)
        if route is None:
            self._tally.count("rtp-payload-type-unknown")
            return
        self._last_packet = now
        if not self._flowing and self.connected:
            self._flowing = True
            self._on_state(self, "media")
        ingest, repeats = route
        if repeats:
            ingest.accept_repair(packet, now)
        else:
            ingest.accept(packet, now)

    def _on_rtcp(self, packet: AnyRtcpPacket) -> None:
        now = time.monotonic()
        for source in self.sources.values():
            source.on_rtcp(packet, now)

    def tick(self, now: float) -> None:
        """Driven by the plane, some twenty times a second."""
        if not self.connected:
            if now - self._born > CONNECT_SECONDS:
                self._on_state(self, "disconnected")
            return
        for source in self.sources.values():
            source.tick(now)
        if now - self._feedback_at >= _FEEDBACK_SECONDS:
            self._feed_back(now)
        if now - self._second_at >= 1.0:
            self._second_at = now
            self._each_second(now)
        if self._flowing and now - self._last_packet > SILENT_SECONDS:
            self._flowing = False
            self._on_state(self, "silent")

    def _each_second(self, now: float) -> None:
        for source in self.sources.values():
            source.report_reception(now)
        self.cap()
        endpoint = self._transport.endpoint
        if self._transport.received_bytes != self._seen_bytes:
            self._seen_bytes = self._transport.received_bytes
            endpoint.heard = now
        if now - endpoint.heard > ABANDON_SECONDS:
            self._on_state(self, "disconnected")

    def cap(self) -> None:
        """The ceiling for the whole line, as REMB: browsers obey it beside their own estimate, at any time."""
        video = self.sources.get("video")
        if video is not None and video.ssrc is not None:
            ceiling = pack_remb_fci((self.target_kbps + VOICE_KBPS) * 1000, [video.ssrc])
            self._transport.send_rtcp(
                RtcpPsfbPacket(fmt=RTCP_PSFB_APP, ssrc=video.rtcp_ssrc, media_ssrc=0, fci=ceiling)
            )

    def _feed_back(self, now: float) -> None:
        self._feedback_at = now
        first = next(iter(self.sources.values()))
        report = self._arrivals.report(first.rtcp_ssrc, first.ssrc or 0)
        if report is not None:
            self._transport.send_rtcp(report)

    def stats(self, now: float) -> dict[str, Any]:
        return {
            "connected": self.connected,
            "flowing": self._flowing,
            "target_kbps": self.target_kbps,
            "received_bytes": self._transport.received_bytes,
            **{
                kind: {
                    "codec": source.codec.name,
                    "packets": source.packets,
                    "bytes": source.bytes,
                    "repaired": source.repaired,
                    "lost": source.lost,
                    "seconds_since_packet": round(now - source.last_arrival, 1) if source.packets else None,
                }
                for kind, source in self.sources.items()
            },
        }


def _first(offer: Offer, kind: str) -> MediaLine | None:
    return next((x for x in offer.lines if x.kind == kind and x.wanted == "send" and x.codecs), None)
