"""Packets for recorder tests: the real clip, packetized as aiortc would, with scripted losses and delays."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from aiortc.codecs import get_encoder
from aiortc.rtcrtpparameters import RTCRtpCodecParameters

from inspection.media.packet import Kind, Packet
from tests.integration.media.clip import AUDIO_CLOCK, FRAME_RATE, VIDEO_CLOCK, Clip

START = 1_790_000_000.0  # some moment in 2026


def _pack(kind: Kind, codec: str, frames: Iterable[bytes], rate: int, clock: int, *, first: int) -> Iterator[Packet]:
    packer = get_encoder(RTCRtpCodecParameters(mimeType=f"{kind}/{codec}", clockRate=clock, channels=2, payloadType=96))
    sequence = first
    for index, data in enumerate(frames):
        encoded = av.Packet(data)
        encoded.pts, encoded.time_base = index * clock // rate, Fraction(1, clock)
        payloads, _ = packer.pack(encoded)
        at, stamp = START + index / rate, (0xFFFF_F000 + index * clock // rate) & 0xFFFF_FFFF
        for number, payload in enumerate(payloads):
            marker = kind == "audio" or number == len(payloads) - 1
            arrival = round(at + number * 0.0001, 6)
            yield Packet(kind, codec, clock, 96, sequence & 0xFFFF, stamp, marker, payload, arrival)
            sequence += 1


def video(clip: Clip, codec: str = "VP8", *, times: int = 1) -> list[Packet]:
    return list(_pack("video", codec, clip.video * times, FRAME_RATE, VIDEO_CLOCK, first=65500))


def audio(clip: Clip, *, times: int = 1) -> list[Packet]:
    return list(_pack("audio", "opus", clip.audio * times, 50, AUDIO_CLOCK, first=7))


def by_arrival(*packets: list[Packet]) -> list[Packet]:
    return sorted((p for some in packets for p in some), key=lambda p: p.arrival)
