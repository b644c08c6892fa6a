from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection import signaling as say


def test_every_message_of_the_contract_is_read() -> None:
    frames = [
        '{"t":"publish","sdp":"v=0","seq":1}',
        '{"t":"subscribe","sdp":"v=0","seq":2}',
        '{"t":"quality","level":"high"}',
        '{"t":"still","item":"f2-01","request":"r-1"}',
        '{"t":"point","item":"f2-01"}',
        '{"t":"say","text":"你好"}',
        '{"t":"stats","kbps":512.5,"lost":0,"bytes":1024}',
        '{"t":"ping"}',
    ]
    kinds = [say.Publish, say.Subscribe, say.Quality, say.Still, say.Point, say.Say, say.Stats, say.Ping]
    assert [type(say.read(frame)) for frame in frames] == kinds


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "[]",
        "{}",
        '{"t":"shout"}',
        '{"t":"ping","more":1}',
        '{"t":"publish","sdp":"","seq":1}',
        '{"t":"publish","sdp":"v=0","seq":-1}',
        '{"t":"publish","sdp":7,"seq":1}',
        '{"t":"quality","level":"best"}',
        '{"t":"point","item":"../x"}',
        '{"t":"stats","kbps":1e999,"lost":0,"bytes":0}',
        '{"t":"say","text":"\ud800"}',
        b"\xff\xfe",
        "[" * 40_000,
        json.dumps({"t": "say", "text": "x" * say.MAX_FRAME}),
    ],
)
def test_anything_else_is_a_message_error(frame: str | bytes) -> None:
    with pytest.raises(say.MessageError):
        say.read(frame)


@given(st.one_of(st.text(), st.binary()))
def test_no_frame_raises_anything_but_a_message_error(frame: str | bytes) -> None:
    with suppress(say.MessageError):
        say.read(frame)


def test_what_is_written_names_its_kind() -> None:
    assert json.loads(say.write(say.Pong())) == {"t": "pong"}
    problem = json.loads(say.write(say.problem(say.MessageError(), 3)))
    assert (problem["t"], problem["code"], problem["seq"]) == ("problem", "room-message", 3)
    assert "seq" not in json.loads(say.write(say.problem(say.MessageError())))
