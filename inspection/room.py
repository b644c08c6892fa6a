"""A live room without I/O: `step(room, input, now)` gives the next state and the effects to carry out.

The room knows the inspection only through `Facts`, taken from the aggregate after each of its events. Whether
anything is recorded is decided in one place, `_settle`, after every input: only while the notice is accepted
and the inspection runs. `now` is in seconds of a clock that never jumps back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from cases.errors import NotPermittedError, RefusedError
from inspection import signaling as say
from inspection.errors import RoomEndedError
from inspection.room_io import (
    CloseRoom,
    CloseTab,
    DropMedia,
    Effect,
    Facts,
    Heard,
    Input,
    Joined,
    Learned,
    MediaIs,
    Negotiate,
    NoCameraError,
    NotePresent,
    NoticeFirstError,
    RecorderFailed,
    RecorderFailedError,
    ReplacedError,
    RestartError,
    Revoked,
    RevokedError,
    Role,
    Send,
    SetTarget,
    Shutdown,
    SocketClosed,
    StartRecording,
    StopRecording,
    TooFastError,
)

AWAY_SECONDS: Final = 5.0
"""Without socket and media for so long, a participant is noted as gone: reloading a page is no absence."""
LEFT_SECONDS: Final = 600.0
"""After so long he is no longer listed as coming back."""
BURST: Final = 60.0
"""How many messages a participant may send at once."""
PER_SECOND: Final = 20.0
"""How fast that allowance grows back."""
KBPS: Final[Mapping[say.Level, int]] = {"normal": 500, "high": 1500}


@dataclass(frozen=True, kw_only=True)
class Person:
    """tab: the open socket, None when there is none. away_since: without socket and media since then."""

    party: str
    role: Role
    name: str | None = None
    tab: int | None = None
    connected: bool = False
    media: bool = False
    recorded: bool = False
    recorder_failed: bool = False
    noted: bool = False
    away_since: float | None = None
    allowance: float = BURST
    heard_at: float = 0.0

    @property
    def here(self) -> bool:
        return self.tab is not None or self.media


@dataclass(frozen=True, kw_only=True)
class Room:
    facts: Facts
    people: Mapping[str, Person] = field(default_factory=dict)
    item: str | None = None
    closed: RefusedError | None = None
    """Why nobody can join any more."""


def opened(facts: Facts, now: float) -> Room:
    """The room as the record has it: whoever was there when the service stopped is awaited back."""
    people = {party: Person(party=party, role=facts.role(party), noted=True, away_since=now) for party in facts.in_room}
    return Room(facts=facts, people=people, closed=RoomEndedError() if facts.ended else None)


Step = tuple[Room, list[Effect]]


def step(room: Room, input: Input, now: float) -> Step:
    if room.closed is not None:
        return room, [*_bye(input.tab, room.closed)] if isinstance(input, Joined) else []
    before = view(room)
    room, effects = _take(room, input, now)
    room, settled = _settle(room, now)
    effects += settled
    if room.closed is not None:
        return room, effects
    if (after := view(room)) != before:
        news = say.State(**{name: getattr(after, name) for name in after.__struct_fields__})
        newcomer = input.tab if isinstance(input, Joined) else None
        effects += [e for e in _to_all(room, news) if e.tab != newcomer]
    if isinstance(input, Joined):
        effects.insert(0, _welcome(room, input))
    return room, effects


def _take(room: Room, input: Input, now: float) -> Step:
    effects: list[Effect] = []
    match input:
        case Joined():
            room, effects = _joined(room, input)
        case SocketClosed(party, tab):
            room = _change(room, party, lambda p: replace(p, tab=None if p.tab == tab else p.tab))
        case Heard():
            room, effects = _heard(room, input, now)
        case MediaIs(party, state):
            room = _change(room, party, lambda p: _media(p, state))
        case Learned(facts, position):
            room = replace(room, facts=facts)
            effects += _to_all(room, say.Changed(position=position)) if position else ()
        case RecorderFailed(party, final):
            room = _change(room, party, lambda p: replace(p, recorder_failed=final))
            effects += _to_all(room, say.problem(RecorderFailedError()))
        case Revoked(party):
            room, effects = _revoke(room, party)
        case Shutdown():
            room, effects = _end(room, RestartError())
    return room, effects


def view(room: Room) -> say.RoomView:
    people = sorted(room.people.values(), key=lambda p: (p.role, p.party))
    return say.RoomView(
        participants=[
            say.Member(party=p.party, role=p.role, name=p.name, present=p.here, media=p.media) for p in people
        ],
        recording=any(p.recorded for p in people),
        started=room.facts.started,
        item=room.item,
        waiting_for=list(room.facts.waiting_for),
    )


def _joined(room: Room, input: Joined) -> Step:
    known = room.people.get(input.party, Person(party=input.party, role=room.facts.role(input.party)))
    effects: list[Effect] = []
    if known.tab is not None and known.tab != input.tab:
        effects += _bye(known.tab, ReplacedError())
    return _with(room, replace(known, tab=input.tab, name=input.name)), effects


def _welcome(room: Room, input: Joined) -> Send:
    message = say.Welcome(me=input.party, role=room.facts.role(input.party), state=view(room))
    return Send(input.tab, message)


def _media(person: Person, state: str) -> Person:
    match state:
        case "connected":
            return replace(person, connected=True, recorder_failed=False)
        case "disconnected":
            return replace(person, connected=False, media=False)
        case _:
            return replace(person, media=person.connected and state == "media")


def _heard(room: Room, input: Heard, now: float) -> Step:
    person = room.people.get(input.party)
    if person is None or person.tab != input.tab:
        return room, []  # a page that has been replaced
    allowance = min(BURST, person.allowance + PER_SECOND * max(0.0, now - person.heard_at))
    if allowance < 1:
        seq = getattr(input.message, "seq", None)
        return room, [Send(input.tab, say.problem(TooFastError(), seq))]
    room = _with(room, replace(person, allowance=allowance - 1, heard_at=now))
    return _answer(room, person, input.tab, input.message)


def _answer(room: Room, person: Person, tab: int, message: say.Incoming) -> Step:
    if isinstance(message, say.Point | say.Quality | say.Still) and person.role != "inspector":
        return room, [Send(tab, say.problem(NotPermittedError()))]
    effects: list[Effect] = []
    match message:
        case say.Ping():
            effects.append(Send(tab, say.Pong()))
        case say.Publish(seq=seq) if person.role == "applicant" and not room.facts.notice_accepted:
            effects.append(Send(tab, say.problem(NoticeFirstError(), seq)))
        case say.Publish() | say.Subscribe():
            effects.append(Negotiate(person.party, tab, message))
        case say.Say(text=text):
            effects += _to_all(room, say.Said(text=text, party=person.party), but=person.party)
        case say.Stats(kbps=kbps, lost=lost, bytes=size):
            line = say.Line(kbps=kbps, lost=lost, bytes=size, party=person.party)
            effects += [e for e in _to_all(room, line, but=person.party) if _is_inspector(room, e.tab)]
        case say.Point(item=item):
            room = replace(room, item=item)
            effects += _to_all(room, say.Pointed(item=item))
        case say.Quality() | say.Still():
            effects += _ask_the_camera(room, person, tab, message)
    return room, effects


def _ask_the_camera(room: Room, person: Person, tab: int, message: say.Quality | say.Still) -> list[Effect]:
    cameras = _cameras(room, person.party)
    if not cameras:
        return [Send(tab, say.problem(NoCameraError()))]
    effects: list[Effect] = []
    for camera in cameras:
        order: say.ToClient
        if isinstance(message, say.Quality):
            effects.append(SetTarget(camera.party, KBPS[message.level]))
            order = say.SetQuality(level=message.level)
        else:
            order = say.TakeStill(item=message.item, request=message.request)
        if camera.tab is not None:
            effects.append(Send(camera.tab, order))
    return effects


def _cameras(room: Room, asker: str) -> list[Person]:
    """Who films the premises: the applicant, or on site the other inspector; an inspector's voice is no camera."""
    connected = [p for p in room.people.values() if p.connected]
    return [p for p in connected if p.role == "applicant"] or [p for p in connected if p.party != asker]


def _is_inspector(room: Room, tab: int) -> bool:
    return any(p.tab == tab and p.role == "inspector" for p in room.people.values())


def _settle(room: Room, now: float) -> Step:
    """What follows from the state, whatever led to it: recording, presence, and the end."""
    effects: list[Effect] = []
    if room.closed is not None:
        return room, effects
    if room.facts.ended:
        return _end(room, RoomEndedError())
    for person in list(room.people.values()):
        current, wanted = person, person.connected and room.facts.may_record and not person.recorder_failed
        if wanted != person.recorded:
            effects.append(StartRecording(person.party) if wanted else StopRecording(person.party))
            current = replace(current, recorded=wanted)
        if current.here:
            current = replace(current, away_since=None)
        elif current.away_since is None:
            current = replace(current, away_since=now)
        away = 0.0 if current.away_since is None else now - current.away_since
        if current.here != current.noted and (current.here or away >= AWAY_SECONDS):
            effects.append(NotePresent(current.party, current.here))
            current = replace(current, noted=current.here)
        room = _with(room, current)
        if away >= LEFT_SECONDS:
            effects += [StopRecording(current.party)] if current.recorded else []
            effects.append(DropMedia(current.party))
            room = replace(room, people={k: p for k, p in room.people.items() if k != current.party})
    return room, effects


def _revoke(room: Room, party: str) -> Step:
    person = room.people.get(party)
    if person is None:
        return room, []
    effects: list[Effect] = [StopRecording(party)] if person.recorded else []
    effects += _bye(person.tab, RevokedError()) if person.tab is not None else ()
    effects += [NotePresent(party, False)] if person.noted else []
    effects.append(DropMedia(party))
    return replace(room, people={k: p for k, p in room.people.items() if k != party}), effects


def _end(room: Room, why: RefusedError) -> Step:
    people = room.people.values()
    effects: list[Effect] = [StopRecording(p.party) for p in people if p.recorded]
    effects += [NotePresent(p.party, False) for p in people if p.noted]
    for person in people:
        if person.tab is not None:
            effects += [Send(person.tab, say.End())] if room.facts.ended else []
            effects += _bye(person.tab, why)
    effects.append(CloseRoom())
    return replace(room, people={}, closed=why), effects


def _bye(tab: int, error: RefusedError) -> tuple[Send, CloseTab]:
    return Send(tab, say.Bye(code=error.code, title=error.zh, title_en=error.en)), CloseTab(tab)


def _to_all(room: Room, message: say.ToClient, *, but: str = "") -> list[Send]:
    return [Send(p.tab, message) for p in room.people.values() if p.tab is not None and p.party != but]


def _with(room: Room, person: Person) -> Room:
    return replace(room, people={**room.people, person.party: person})


def _change(room: Room, party: str, change: Callable[[Person], Person]) -> Room:
    person = room.people.get(party)
    return room if person is None else _with(room, change(person))
