"""What one participant receives: a picture line and some voice lines, offered once and filled as people come and go."""

import time
from collections.abc import Callable
from typing import Any, Final

from aiortc.rtp import AnyRtcpPacket

from inspection.media.egress import Egress
from inspection.media.ingest import Ingest
from inspection.media.packet import Kind
from inspection.media.ports import UdpPort
from inspection.media.publication import ABANDON_SECONDS, CONNECT_SECONDS
from inspection.media.sdp import Answer, Codec, MediaLine, Offer, SdpRefusedError, write_answer
from inspection.media.slots import assign
from inspection.media.tally import Tally
from inspection.media.transport import MediaTransport

MAX_VOICES: Final = 8
CAMERA_STREAM: Final = "camera"  # media stream of the picture and of the voice that belongs to it


class Subscription:
    """Created from an offer of `recvonly` lines. `on_end` is called when the client has gone."""

    def __init__(self, offer: Offer, port: UdpPort, tally: Tally, *, on_end: Callable[["Subscription"], None]) -> None:
        lines = [line for line in offer.lines if line.wanted == "receive" and line.codecs]
        pictures = [line for line in lines if line.kind == "video"][:1]
        voices = [line for line in lines if line.kind == "audio"][:MAX_VOICES]
        if not pictures and not voices:
            raise SdpRefusedError("no line to receive opus, VP8 or H.264 on")
        endpoint = port.endpoint(offer.ufrag)
        self._transport = MediaTransport(
            endpoint, tally, on_rtp=self._on_rtp, on_rtcp=self._on_rtcp, on_state=self._on_transport
        )
        self._tally, self._on_end, self._offer = tally, on_end, offer
        self.picture = self._line(pictures[0]) if pictures else None
        self.voices = [self._line(line) for line in voices]
        self._holders: list[str | None] = [None] * len(voices)
        self._born, self._second_at = time.monotonic(), 0.0
        self.connected = self.ended = False
        accepted = {line.mid: self._accept(line, CAMERA_STREAM, self.picture) for line in pictures}
        for index, line in enumerate(voices):
            stream = f"voice-{index}" if index else CAMERA_STREAM
            accepted[line.mid] = self._accept(line, stream, self.voices[index])
        self.answer = write_answer(
            offer,
            accepted,
            ufrag=endpoint.local_ufrag,
            password=endpoint.local_password,
            fingerprint=self._transport.fingerprint,
            candidates=port.candidates(),
        )

    def _line(self, line: MediaLine) -> Egress:
        kind: Kind = "audio" if line.kind == "audio" else "video"
        types = {codec.name: (codec.payload_type, codec.rtx) for codec in _one_per_name(line)}
        return Egress(kind, line.mid, types, self._transport.send_rtp, self._transport.send_rtcp)

    @staticmethod
    def _accept(line: MediaLine, stream: str, egress: Egress | None) -> Answer:
        assert egress is not None
        codecs = _one_per_name(line)
        repeats = any(codec.rtx is not None for codec in codecs)
        extra = [f"a=msid:{stream} {line.mid}-{line.kind}"]
        if repeats:
            extra.append(f"a=ssrc-group:FID {egress.ssrc} {egress.rtx_ssrc}")
        for ssrc in (egress.ssrc, egress.rtx_ssrc) if repeats else (egress.ssrc,):
            extra += [f"a=ssrc:{ssrc} cname:{stream}", f"a=ssrc:{ssrc} msid:{stream} {line.mid}-{line.kind}"]
        return Answer(direction="sendonly", codecs=codecs, extra=extra)

    def begin(self) -> None:
        self._transport.begin(self._offer.fingerprints)

    async def close(self) -> None:
        self.ended = True
        for line in self._lines():
            line.attach(None)
        await self._transport.close()

    def show(self, camera: str | None, picture: Ingest | None, voices: dict[str, Ingest]) -> None:
        """Who is seen and heard from now on; `camera` is the participant whose picture it is."""
        if self.ended:
            return
        if self.picture is not None:
            self.picture.attach(picture)
        self._holders = assign(self._holders, camera, list(voices))
        for line, holder in zip(self.voices, self._holders, strict=True):
            line.attach(voices.get(holder) if holder is not None else None)

    def _lines(self) -> list[Egress]:
        return [*([self.picture] if self.picture is not None else []), *self.voices]

    def _on_transport(self, state: str) -> None:
        if state == "connected":
            self.connected = True
            for line in self._lines():  # what was sent before the keys were there is lost
                line.restart()
                if line.source is not None:
                    line.source.request_keyframe()
        elif state in ("closed", "failed"):
            self._on_end(self)

    def _on_rtp(self, _data: bytes) -> None:
        self._tally.count("rtp-from-viewer")

    def _on_rtcp(self, packet: AnyRtcpPacket) -> None:
        for line in self._lines():
            line.on_rtcp(packet)

    def tick(self, now: float) -> None:
        if now - self._second_at < 1.0:
            return
        self._second_at = now
        for index, line in enumerate(self._lines()):
            voice = index - (self.picture is not None)
            line.report(now, CAMERA_STREAM if voice < 1 else f"voice-{voice}")
        quiet = now - self._transport.endpoint.heard
        if quiet > ABANDON_SECONDS or (not self.connected and now - self._born > CONNECT_SECONDS):
            self._on_end(self)

    def stats(self) -> dict[str, Any]:
        return {
            "connected": self.connected,
            "sent_bytes": self._transport.sent_bytes,
            "voices": list(self._holders),
            "lines": [
                {
                    "kind": line.kind,
                    "mid": line.mid,
                    "packets": line.packets,
                    "repeats": line.repeats,
                    "switches": line.switches,
                }
                for line in self._lines()
            ],
        }


def _one_per_name(line: MediaLine) -> list[Codec]:
    best: dict[str, Codec] = {}
    for codec in line.codecs:
        best.setdefault(codec.name, codec)
    return list(best.values())
