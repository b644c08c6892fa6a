"""Phones and desks made of aiortc: real ICE, DTLS and SRTP over loopback, pre-encoded pictures, nothing mocked."""

import asyncio
import random
import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcconfiguration import RTCBundlePolicy, RTCConfiguration
from aiortc.rtp import RtpPacket

from inspection.media.packet import Packet
from inspection.media.plane import MediaPlane
from tests.integration.media.clip import AUDIO_CLOCK, FRAME_RATE, VIDEO_CLOCK, Clip


class ClipTrack(MediaStreamTrack):
    """Plays encoded frames in real time, over and over."""

    def __init__(self, kind: str, frames: list[bytes], rate: int, clock: int) -> None:
        super().__init__()
        self.kind = kind
        self.sent = 0
        self._frames, self._rate, self._clock = frames, rate, clock
        self._start: float | None = None

    async def recv(self) -> "av.Packet[Any]":  # aiortc also packs what is already encoded
        if self._start is None:
            self._start = time.monotonic()
        await asyncio.sleep(max(0.0, self._start + self.sent / self._rate - time.monotonic()))
        packet = av.Packet(self._frames[self.sent % len(self._frames)])
        packet.pts, packet.time_base = self.sent * self._clock // self._rate, Fraction(1, self._clock)
        self.sent += 1
        return packet


_open: list[RTCPeerConnection] = []


def _connection() -> RTCPeerConnection:
    _open.append(RTCPeerConnection(RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)))
    return _open[-1]


async def close_all() -> None:
    """Whatever a test left open, so that its failure does not become the next one's."""
    while _open:
        await _open.pop().close()


class Phone:
    """Publishes. `sent` holds (kind, sequence number, payload) of every media packet, lost ones too."""

    def __init__(self, clip: Clip, *, video: bool = True) -> None:
        self.pc = _connection()
        self.sent: list[tuple[str, int, bytes]] = []
        self.payloads: set[bytes] = set()
        self.audio = ClipTrack("audio", clip.audio, 50, AUDIO_CLOCK)
        self.video = ClipTrack("video", clip.video, FRAME_RATE, VIDEO_CLOCK) if video else None
        for track in (self.audio, self.video):
            if track is not None:
                self.pc.addTransceiver(track, direction="sendonly")

    async def offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def publish(self, plane: MediaPlane, room: str, who: str) -> None:
        answer = await plane.publish(room, who, await self.offer())
        self._watch()
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    def _watch(self) -> None:
        for sender in self.pc.getSenders():
            transport: Any = sender.transport
            if getattr(transport, "watched", False):
                continue
            original = transport._send_rtp

            async def send(data: bytes, original: Callable[[bytes], Any] = original) -> None:
                if not 191 < data[1] < 224:
                    packet = RtpPacket.parse(data)
                    codec = {s._ssrc: s.kind for s in self.pc.getSenders()}.get(packet.ssrc)
                    if codec is not None:
                        self.sent.append((codec, packet.sequence_number, packet.payload))
                        self.payloads.add(packet.payload)
                await original(data)

            transport._send_rtp = send
            transport.watched = True

    def wire(self) -> Any:
        """The datagram transport below ICE, to lose packets on."""
        ice: Any = self.pc.getSenders()[0].transport.transport
        return ice._connection._nominated[1].protocol

    async def close(self) -> None:
        await self.pc.close()


class Desk:
    """Receives on one picture line and some voice lines, without decoding; `got` is by mid, unwrapped from RTX."""

    def __init__(self, *, video: bool = True, voices: int = 1) -> None:
        self.pc = _connection()
        self.got: dict[str, list[RtpPacket]] = {}
        self.arrived = asyncio.Event()
        for kind in (*(["video"] if video else []), *["audio"] * voices):
            self.pc.addTransceiver(kind, direction="recvonly")

    async def subscribe(self, plane: MediaPlane, room: str, who: str) -> None:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        answer = await plane.subscribe(room, who, self.pc.localDescription.sdp)
        for transceiver in self.pc.getTransceivers():
            self._listen(transceiver)
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))

    def _listen(self, transceiver: Any) -> None:
        receiver, heap = transceiver.receiver, self.got.setdefault(str(transceiver.mid), [])
        jitter = receiver._RTCRtpReceiver__jitter_buffer

        def add(packet: RtpPacket) -> tuple[bool, None]:
            heap.append(packet)
            self.arrived.set()
            return False, None

        jitter.add = add  # after NACK and RTX, before any decoder

    def payloads(self, kind: str) -> list[bytes]:
        """Payloads of the first line of this kind in the publisher's order, repeats removed."""
        mid = next(t.mid for t in self.pc.getTransceivers() if t.kind == kind)
        return in_order(self.got[str(mid)])

    def unbroken(self, mid: str) -> bool:
        """Whether the line's numbers have neither hole nor leap."""
        first = self.got[mid][0].sequence_number
        numbers = {(p.sequence_number - first + 0x8000) & 0xFFFF for p in self.got[mid]}
        return max(numbers) - min(numbers) + 1 == len(numbers)

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()

    async def close(self) -> None:
        await self.pc.close()


def in_order(packets: list[RtpPacket]) -> list[bytes]:
    if not packets:
        return []
    first = packets[0].sequence_number
    unique = {((p.sequence_number - first + 0x8000) & 0xFFFF): p.payload for p in packets}
    return [unique[number] for number in sorted(unique)]


class Collector:
    """A recorder's sink that only remembers."""

    def __init__(self) -> None:
        self.packets: list[Packet] = []
        self.arrived = asyncio.Event()

    def __call__(self, packet: Packet) -> None:
        self.packets.append(packet)
        self.arrived.set()

    def of(self, kind: str) -> list[Packet]:
        return [packet for packet in self.packets if packet.kind == kind]

    async def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not condition():
                self.arrived.clear()
                await self.arrived.wait()


class States:
    """What the plane told its owner, awaitable."""

    def __init__(self, plane: MediaPlane) -> None:
        self.seen: list[tuple[str, str, str]] = []
        self._more = asyncio.Event()
        plane.on_change = self._note

    def _note(self, room: str, who: str, state: str) -> None:
        self.seen.append((room, who, state))
        self._more.set()

    async def until(self, *wanted: str, who: str = "phone", seconds: float = 10.0) -> None:
        async with asyncio.timeout(seconds):
            while not set(wanted) <= {state for _, name, state in self.seen if name == who}:
                self._more.clear()
                await self._more.wait()


def lose(protocol: Any, share: float, *, seed: int) -> list[int]:
    """Drops a fixed share of the SRTP datagrams that leave this socket; how many is in the list's only element."""
    dice, original, dropped = random.Random(seed), protocol.transport.sendto, [0]

    class Lossy:
        transport = protocol.transport  # the good line

        def __getattr__(self, name: str) -> Any:
            return getattr(transport, name)

        def sendto(self, data: bytes, addr: Any) -> None:
            if 127 < data[0] < 192 and not 191 < data[1] < 224 and dice.random() < share:
                dropped[0] += 1
                return
            original(data, addr)

    transport = protocol.transport
    protocol.transport = Lossy()
    return dropped
