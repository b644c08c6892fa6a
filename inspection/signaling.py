"""What is said over a room's socket: JSON text, one object a frame, told apart by `t`.

Whatever a client sends is read here, strictly and within bounds, or answered with a problem message.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import msgspec
from msgspec import Meta

from cases.commands import Code
from cases.errors import InvalidInputError, RefusedError

MAX_FRAME: Final = 64 * 1024
"""Bytes of UTF-8; an offer with all its candidates is below 10 kB."""

Sdp = Annotated[str, Meta(min_length=1, max_length=48 * 1024)]
Seq = Annotated[int, Meta(ge=0, le=2**31)]
Request = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,64}$")]
Level = Literal["normal", "high"]


class MessageError(InvalidInputError):
    code = "room-message"
    zh = "收到的房间消息有误，请刷新页面后重新进入。"
    en = "The room received a message it does not understand. Refresh the page and join again."


class FromClient(msgspec.Struct, frozen=True, kw_only=True, tag_field="t", forbid_unknown_fields=True):
    """Base of what clients send."""


class Publish(FromClient, frozen=True, kw_only=True, tag="publish"):
    """An offer to send camera and microphone."""

    sdp: Sdp
    seq: Seq


class Subscribe(FromClient, frozen=True, kw_only=True, tag="subscribe"):
    """An offer to receive: one picture, three voices."""

    sdp: Sdp
    seq: Seq


class Quality(FromClient, frozen=True, kw_only=True, tag="quality"):
    level: Level


class Still(FromClient, frozen=True, kw_only=True, tag="still"):
    """An inspector asks the phone for a still of an item; `request` comes back with the upload."""

    item: Code
    request: Request


class Point(FromClient, frozen=True, kw_only=True, tag="point"):
    item: Code


class Say(FromClient, frozen=True, kw_only=True, tag="say"):
    text: Annotated[str, Meta(min_length=1, max_length=500)]


class Stats(FromClient, frozen=True, kw_only=True, tag="stats"):
    """The phone's own measurement: kbit/s now, share of packets lost (0 … 1 or per cent), bytes so far."""

    kbps: Annotated[float, Meta(ge=0, le=1e6)]
    lost: Annotated[float, Meta(ge=0, le=1e12)]
    bytes: Annotated[int, Meta(ge=0, le=2**53)]


class Ping(FromClient, frozen=True, kw_only=True, tag="ping"):
    pass


Incoming = Publish | Subscribe | Quality | Still | Point | Say | Stats | Ping
_decoder: Final = msgspec.json.Decoder(Incoming)
_encoder: Final = msgspec.json.Encoder()


def read(frame: str | bytes) -> Incoming:
    """Raises MessageError for anything that is not one of our messages."""
    if len(frame) > MAX_FRAME:
        raise MessageError("消息过长。", "The message is too long.")
    try:
        message: Incoming = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as wrong:
        raise MessageError from wrong
    return message


class ToClient(msgspec.Struct, frozen=True, kw_only=True, tag_field="t"):
    """Base of what clients get. Of a `replaceable` kind only the newest matters to a slow socket."""

    replaceable: ClassVar[bool] = False


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """media: whether packets of this participant arrive."""

    party: str
    role: Literal["applicant", "inspector"]
    name: str | None
    present: bool
    media: bool


class RoomView(msgspec.Struct, frozen=True, kw_only=True):
    """waiting_for: what the start still needs: `notice`, `inspectors`, `applicant`."""

    participants: list[Member]
    recording: bool
    started: bool
    item: str | None
    waiting_for: list[str]


class Welcome(ToClient, frozen=True, kw_only=True, tag="welcome"):
    me: str
    role: Literal["applicant", "inspector"]
    state: RoomView


class State(ToClient, frozen=True, kw_only=True, tag="state"):
    replaceable = True

    participants: list[Member]
    recording: bool
    started: bool
    item: str | None
    waiting_for: list[str]


class Published(ToClient, frozen=True, kw_only=True, tag="published"):
    sdp: str
    seq: int


class Subscribed(ToClient, frozen=True, kw_only=True, tag="subscribed"):
    sdp: str
    seq: int


class SetQuality(ToClient, frozen=True, kw_only=True, tag="quality"):
    level: Level


class TakeStill(ToClient, frozen=True, kw_only=True, tag="still"):
    item: str
    request: str


class Pointed(ToClient, frozen=True, kw_only=True, tag="point"):
    item: str


class Said(ToClient, frozen=True, kw_only=True, tag="say"):
    text: str
    party: str


class Line(ToClient, frozen=True, kw_only=True, tag="line"):
    replaceable = True

    kbps: float
    lost: float
    bytes: int
    party: str


class Changed(ToClient, frozen=True, kw_only=True, tag="changed"):
    replaceable = True

    position: int


class End(ToClient, frozen=True, kw_only=True, tag="end"):
    pass


class Bye(ToClient, frozen=True, kw_only=True, tag="bye"):
    code: str
    title: str
    title_en: str


class Problem(ToClient, frozen=True, kw_only=True, tag="problem", omit_defaults=True):
    code: str
    title: str
    title_en: str
    seq: int | None = None


class Pong(ToClient, frozen=True, kw_only=True, tag="pong"):
    pass


def write(message: ToClient) -> bytes:
    return _encoder.encode(message)


def problem(error: RefusedError, seq: int | None = None) -> Problem:
    return Problem(code=error.code, title=error.zh, title_en=error.en, seq=seq)
