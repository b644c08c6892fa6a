"""From the journal to a file that plays: every frame, at the second it arrived, nothing transcoded."""

import itertools
from dataclasses import replace
from pathlib import Path

import av
import pytest

from inspection.media.packet import Packet
from inspection.recording.assemble import frames
from inspection.recording.journal import Journal
from inspection.recording.mux import NothingRecordedError, derive
from tests.integration.media.clip import Clip, encoded
from tests.unit.recording.packets import audio, by_arrival, video


def _journal(folder: Path, some: list[Packet]) -> Path:
    journal = Journal.open(folder, "r1", 0, {}, clock=lambda: some[0].arrival if some else 0.0)
    for packet in some:
        journal.add(packet)
    return journal.seal().path


def _decoded(path: Path) -> tuple[list[float], list[float], set[tuple[int, int]]]:
    """Times of pictures and sounds, and the sizes pictures had."""
    pictures, sizes = [], set()
    with av.open(path) as container:
        for frame in container.decode(video=0):
            pictures.append(float(frame.time or 0))
            sizes.add((frame.width, frame.height))
    with av.open(path) as container:
        sounds = [float(frame.time or 0) for frame in container.decode(audio=0)]
    return pictures, sounds, sizes


@pytest.mark.parametrize(("codec", "suffix"), [("VP8", ".webm"), ("H264", ".mkv")])
def test_every_frame_that_arrived_can_be_seen_and_heard(tmp_path: Path, codec: str, suffix: str) -> None:
    clip = encoded(codec)
    made = derive(_journal(tmp_path, by_arrival(video(clip, codec), audio(clip))), tmp_path / "play")
    pictures, sounds, _ = _decoded(made.path)
    assert made.path.suffix == suffix
    assert (len(pictures), made.video_frames) == (75, 75)
    assert (len(sounds), made.audio_frames) == (150, 150)
    with av.open(made.path) as container:
        assert container.duration is not None
        assert container.duration / av.time_base == pytest.approx(3.0, abs=0.1)
    assert made.seconds == pytest.approx(3.0, abs=0.1)


def test_frames_come_out_as_they_went_in(tmp_path: Path, clip: Clip) -> None:
    path = _journal(tmp_path, by_arrival(video(clip), audio(clip)))
    assert [f.data for f in frames(path) if f.kind == "video"] == clip.video
    assert [f.data for f in frames(path) if f.kind == "audio"] == clip.audio


def test_an_index_lets_a_player_jump(tmp_path: Path, clip: Clip) -> None:
    made = derive(_journal(tmp_path, by_arrival(video(clip, times=2), audio(clip, times=2))), tmp_path)
    assert b"\x1c\x53\xbb\x6b" in made.path.read_bytes()[:4096]  # Cues, before the first cluster
    with av.open(made.path) as container:
        container.seek(4_000_000)
        assert next(container.decode(video=0)).time == pytest.approx(4.0, abs=0.1)


def test_a_time_without_pictures_stays_a_time_without_pictures(tmp_path: Path, clip: Clip) -> None:
    some = video(clip)
    later = [
        replace(
            p,
            sequence=(p.sequence + len(some)) & 0xFFFF,
            arrival=p.arrival + 6,
            timestamp=(p.timestamp + 540000) & 0xFFFF_FFFF,
        )
        for p in some
    ]
    pictures, _, _ = _decoded(derive(_journal(tmp_path, by_arrival(some, audio(clip), later)), tmp_path).path)
    assert max(b - a for a, b in itertools.pairwise(pictures)) > 2.9


def test_jitter_on_the_line_does_not_shake_the_picture(tmp_path: Path, clip: Clip) -> None:
    shaken = [replace(p, arrival=p.arrival + (0.2 if p.timestamp % 7 else 0)) for p in video(clip)]
    pictures, _, _ = _decoded(derive(_journal(tmp_path, by_arrival(shaken, audio(clip))), tmp_path).path)
    steps = {round(b - a, 3) for a, b in itertools.pairwise(pictures)}
    assert steps == {0.04}


def test_after_a_loss_the_picture_waits_for_a_key_frame(tmp_path: Path, clip: Clip) -> None:
    some = video(clip)
    holed = [p for p in some if not some[0].arrival + 0.39 < p.arrival < some[0].arrival + 0.41]
    made = derive(_journal(tmp_path, by_arrival(holed, audio(clip))), tmp_path)
    pictures, sounds, _ = _decoded(made.path)
    assert len(pictures) == 75 - 15
    assert len(sounds) == 150


def test_a_picture_that_changes_its_size_is_one_file(tmp_path: Path, clip: Clip) -> None:
    large = Clip(encoded(width=640, height=360).video, [])
    more = video(large)
    shift = len(video(clip))
    moved = [
        replace(
            p,
            sequence=(p.sequence + shift) & 0xFFFF,
            timestamp=(p.timestamp + 270000) & 0xFFFF_FFFF,
            arrival=p.arrival + 3,
        )
        for p in more
    ]
    made = derive(_journal(tmp_path, by_arrival(video(clip), moved, audio(clip, times=2))), tmp_path)
    pictures, _, sizes = _decoded(made.path)
    assert len(pictures) == 150
    assert sizes == {(480, 270), (640, 360)}


def test_a_voice_alone_makes_a_sound_file(tmp_path: Path, clip: Clip) -> None:
    made = derive(_journal(tmp_path, audio(clip)), tmp_path)
    assert (made.media_type, made.video_frames, made.audio_frames) == ("audio/webm", 0, 150)


def test_nothing_recorded_is_said_and_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(NothingRecordedError):
        derive(_journal(tmp_path, []), tmp_path / "play")
    assert not list((tmp_path / "play").glob("*")) if (tmp_path / "play").exists() else True
