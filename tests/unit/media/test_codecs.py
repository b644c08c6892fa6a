"""Key frames are recognised without a decoder, and hostile payloads without harm."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.media.codecs import (
    PayloadMalformedError,
    depayload,
    is_keyframe,
    starts_frame,
    starts_keyframe,
    vp8_size,
)
from tests.integration.media.clip import KEYFRAME_EVERY, encoded
from tests.unit.recording.packets import video


@pytest.mark.parametrize("codec", ["VP8", "H264"])
def test_packets_tell_where_key_frames_begin(codec: str) -> None:
    found, frame = set(), 0
    for packet in video(encoded(codec), codec):
        if starts_keyframe(codec, packet.payload):
            found.add(frame)
            assert starts_frame(codec, packet.payload)
        frame += packet.marker
    assert found == {0, KEYFRAME_EVERY, 2 * KEYFRAME_EVERY}


def test_an_assembled_frame_tells_whether_it_stands_alone() -> None:
    frames = encoded().video
    assert [n for n, frame in enumerate(frames) if is_keyframe("VP8", frame)] == [0, KEYFRAME_EVERY, 2 * KEYFRAME_EVERY]


def test_a_key_frame_tells_its_size() -> None:
    assert vp8_size(encoded().video[0]) == (480, 270)
    with pytest.raises(PayloadMalformedError):
        vp8_size(encoded().video[1])


@given(st.sampled_from(["VP8", "H264", "opus"]), st.binary(max_size=60))
def test_any_payload_is_read_or_refused(codec: str, payload: bytes) -> None:
    starts_frame(codec, payload)
    starts_keyframe(codec, payload)
    is_keyframe(codec, payload)
    with contextlib.suppress(PayloadMalformedError):
        depayload(codec, payload)
