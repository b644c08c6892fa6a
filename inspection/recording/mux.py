"""A playable file out of a journal: WebM for VP8, Matroska for H.264, opus in both. Copied, never transcoded.

The journal is the evidence and stays as it is; this file may be thrown away and made again.
"""

import io
import logging
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Final

import av
import av.audio.stream
import av.container
import av.stream

from inspection.media.codecs import vp8_size
from inspection.media.packet import Kind
from inspection.recording.assemble import Frame, frames

logger = logging.getLogger(__name__)

_MILLISECONDS: Final = Fraction(1, 1000)
_OPTIONS: Final = {"cues_to_front": "1"}  # browsers can seek before the whole file is there


class NothingRecordedError(Exception):
    """The journal holds no frame that could be shown or heard."""

    code = "recording-empty"
    zh = "该录制分段没有可播放的内容。"
    en = "There is nothing to play in this part of the recording."


@dataclass(frozen=True)
class Derived:
    path: Path
    media_type: str
    started: float  # seconds since the epoch: what the player shows as 0:00
    seconds: float
    video_frames: int
    audio_frames: int


def derive(journal: Path, folder: Path) -> Derived:
    """Writes the playable file beside its final name and moves it there when it is whole; blocks for as long as
    reading the journal twice takes. Raises NothingRecordedError.
    """
    layout = _Layout.of(journal)
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / f"{journal.stem}.{layout.suffix}"
    partial = target.with_suffix(f".{layout.suffix}.part")
    try:
        with av.open(str(partial), "w", format=layout.format, options=_OPTIONS) as container:
            counts, seconds = _Writing(container, layout).copy(journal)
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return Derived(target, layout.media_type, layout.started, seconds, counts["video"], counts["audio"])


@dataclass(frozen=True)
class _Layout:
    """What must be known before the first byte is written."""

    started: float
    video: Frame | None  # the first key frame
    audio: bool

    @classmethod
    def of(cls, journal: Path) -> "_Layout":
        started: float | None = None
        video: Frame | None = None
        audio = False
        for frame in frames(journal):
            if frame.kind == "video" and video is None and frame.keyframe:
                video = frame
            audio = audio or frame.kind == "audio"
            if frame.kind == "audio" or frame.keyframe:
                started = frame.at if started is None else min(started, frame.at)
            if video is not None and audio:
                break
        if started is None:
            raise NothingRecordedError(journal.name)
        return cls(started, video, audio)

    @property
    def h264(self) -> bool:
        return self.video is not None and self.video.codec == "H264"

    @property
    def format(self) -> str:
        return "matroska" if self.h264 else "webm"

    @property
    def suffix(self) -> str:
        return "mkv" if self.h264 else "webm"

    @property
    def media_type(self) -> str:
        base = "video" if self.video is not None else "audio"
        return f"{base}/x-matroska" if self.h264 else f"{base}/webm"


class _Writing:
    def __init__(self, container: av.container.OutputContainer, layout: _Layout) -> None:
        self._container, self._layout = container, layout
        self._streams: dict[Kind, av.stream.Stream] = {}
        self._last: dict[Kind, int] = {}
        self._counts: dict[Kind, int] = {"video": 0, "audio": 0}
        self._seen_key = False
        if layout.video is not None:
            width, height = _size(layout.video)
            name = "h264" if layout.h264 else "vp8"
            self._streams["video"] = container.add_mux_stream(name, width=width, height=height, time_base=_MILLISECONDS)
        if layout.audio:
            self._streams["audio"] = container.add_stream_from_template(_opus_template(), opaque=True)

    def copy(self, journal: Path) -> tuple[dict[Kind, int], float]:
        """Frames written of each kind, and how long it lasts."""
        for frame in frames(journal):
            if frame.kind == "video":
                self._seen_key = self._seen_key or frame.keyframe
                wrong = self._layout.video is None or frame.codec != self._layout.video.codec
                if wrong or not self._seen_key:
                    continue
            self._put(frame)
        return self._counts, max(self._last.values(), default=0) / 1000

    def _put(self, frame: Frame) -> None:
        at = max(0, round((frame.at - self._layout.started) * 1000))
        at = max(at, self._last.get(frame.kind, -1) + 1)  # players need times that rise
        self._last[frame.kind] = at
        packet = av.Packet(frame.data)
        packet.stream = self._streams[frame.kind]
        packet.time_base = _MILLISECONDS
        packet.pts = packet.dts = at
        packet.is_keyframe = frame.keyframe
        try:
            self._container.mux(packet)
        except av.FFmpegError as error:  # a publisher may send anything; one frame's nonsense is not the file's end
            logger.info("recording.frame_refused", extra={"reason": type(error).__name__})
            return
        self._counts[frame.kind] += 1


def _size(keyframe: Frame) -> tuple[int, int]:
    if keyframe.codec == "VP8":
        return vp8_size(keyframe.data)
    decoder = av.VideoCodecContext.create("h264", "r")  # only this one picture, for its size
    pictures = [*decoder.decode(av.Packet(keyframe.data)), *decoder.decode(None)]
    return (pictures[0].width, pictures[0].height) if pictures else (1280, 720)


@cache
def _opus_template() -> av.audio.stream.AudioStream:
    """A stream that carries the opus header the muxer wants; made by encoding 20 ms of silence."""
    memory = io.BytesIO()
    with av.open(memory, "w", format="webm") as container:
        stream = container.add_stream("libopus", rate=48000)
        assert isinstance(stream, av.audio.stream.AudioStream)
        stream.layout = "stereo"
        silence = av.AudioFrame(format=stream.format.name, layout="stereo", samples=960)
        silence.sample_rate, silence.pts = 48000, 0
        for plane in silence.planes:
            plane.update(bytes(plane.buffer_size))
        container.mux(stream.encode(silence))
        container.mux(stream.encode(None))
    memory.seek(0)
    return av.open(memory).streams.audio[0]
