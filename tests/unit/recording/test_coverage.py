"""The coverage ledger: each gap from when to when, and why."""

from dataclasses import replace

from inspection.media.codecs import starts_keyframe
from inspection.media.packet import Packet
from inspection.recording.coverage import Coverage, Gap
from tests.integration.media.clip import Clip
from tests.unit.recording.packets import START, audio, video


def _ledger(some: list[Packet], end: float | None = None) -> list[Gap]:
    coverage = Coverage(some[0].arrival)
    for packet in some:
        coverage.packet(packet)
    return coverage.close(some[-1].arrival if end is None else end)


def test_an_unbroken_recording_has_no_gap(clip: Clip) -> None:
    assert _ledger(video(clip)) == []
    assert _ledger(audio(clip)) == []


def test_lost_sound_is_missing_from_the_packet_before_to_the_packet_after(clip: Clip) -> None:
    some = audio(clip)
    holed = some[:40] + some[45:]
    assert _ledger(holed) == [Gap("audio", some[39].arrival, some[45].arrival, "lost", 5)]


def test_a_lost_picture_is_missing_until_the_next_key_frame(clip: Clip) -> None:
    some = video(clip)
    keys = [p for p in some if starts_keyframe(p.codec, p.payload)]
    at = next(i for i, p in enumerate(some) if p.arrival > START + 0.5)
    holed = some[:at] + some[at + 2 :]
    assert _ledger(holed) == [Gap("video", some[at - 1].arrival, keys[1].arrival, "lost", 2)]


def test_a_packet_that_comes_late_but_in_time_is_no_gap(clip: Clip) -> None:
    some = video(clip)
    late = replace(some[20], arrival=some[20].arrival + 0.8)
    assert _ledger(sorted([*some[:20], late, *some[21:]], key=lambda p: p.arrival)) == []


def test_silence_is_a_gap_to_the_end_as_well_as_in_the_middle(clip: Clip) -> None:
    some = audio(clip)
    moved = some[:50] + [replace(p, arrival=p.arrival + 5) for p in some[50:]]
    assert _ledger(moved, end=moved[-1].arrival + 3) == [
        Gap("audio", some[49].arrival, some[50].arrival + 5, "silent", 0),
        Gap("audio", moved[-1].arrival, moved[-1].arrival + 3, "silent", 0),
    ]


def test_what_was_expected_and_never_came_is_one_long_gap() -> None:
    assert Coverage(START, ["video"]).close(START + 9) == [Gap("video", START, START + 9, "silent", 0)]


def test_losses_close_together_are_told_as_one_with_their_count(clip: Clip) -> None:
    some = audio(clip)
    holed = [p for i, p in enumerate(some) if i not in (20, 30, 40)]
    assert _ledger(holed) == [Gap("audio", some[19].arrival, some[41].arrival, "lost", 3)]
