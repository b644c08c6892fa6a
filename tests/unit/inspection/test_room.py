from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inspection import room_io as io
from inspection import signaling as say
from inspection.room import AWAY_SECONDS, BURST, LEFT_SECONDS, Room, opened, step, view
from tests.unit.inspection.given import GUEST, LIU, WANG

FACTS = io.Facts(applicant=GUEST, inspectors=frozenset({WANG, LIU}))
ACCEPTED = replace(FACTS, notice_accepted=True)
RUNNING = replace(ACCEPTED, started=True)
ENDED = replace(RUNNING, ended=True)
TABS = {GUEST: 1, WANG: 2, LIU: 3}


class Story:
    """Feeds a room and keeps what came out of the last input."""

    def __init__(self, facts: io.Facts = FACTS) -> None:
        self.room: Room = opened(facts, 0.0)
        self.now = 0.0
        self.out: list[io.Effect] = []

    def feed(self, *inputs: io.Input, after: float = 0.0) -> Story:
        self.now += after
        for input in inputs:
            self.room, self.out = step(self.room, input, self.now)
        return self

    def everybody(self) -> Story:
        return self.feed(*(io.Joined(party, None, tab) for party, tab in TABS.items()))

    def says(self, party: str, message: say.Incoming) -> Story:
        return self.feed(io.Heard(party, TABS[party], message))

    def sent(self, party: str) -> list[say.ToClient]:
        return [e.message for e in self.out if isinstance(e, io.Send) and e.tab == TABS[party]]

    def effects(self, *kinds: type) -> list[Any]:
        return [e for e in self.out if isinstance(e, kinds)]


def offer(kind: type[say.Publish | say.Subscribe] = say.Publish) -> say.Publish | say.Subscribe:
    return kind(sdp="v=0", seq=7)


def test_a_newcomer_is_welcomed_and_the_others_see_him() -> None:
    story = Story().feed(io.Joined(WANG, "王", 2)).feed(io.Joined(GUEST, None, 1))
    (welcome,) = story.sent(GUEST)
    assert isinstance(welcome, say.Welcome)
    assert (welcome.me, welcome.role) == (GUEST, "applicant")
    assert [member.party for member in welcome.state.participants] == [GUEST, WANG]
    (news,) = story.sent(WANG)
    assert isinstance(news, say.State)
    assert story.effects(io.NotePresent) == [io.NotePresent(GUEST, True)]


def test_a_second_page_replaces_the_first() -> None:
    story = Story().feed(io.Joined(WANG, "王", 2)).feed(io.Joined(WANG, "王", 9))
    assert [e.message.code for e in story.out if isinstance(e, io.Send) and e.tab == 2] == ["replaced"]  # type: ignore[attr-defined]
    assert story.effects(io.CloseTab) == [io.CloseTab(2)]
    assert story.feed(io.Heard(WANG, 2, say.Ping())).out == []
    assert story.feed(io.SocketClosed(WANG, 2)).effects(io.NotePresent) == []
    assert view(story.room).participants[0].present


def test_the_camera_waits_for_the_answer_to_the_notice() -> None:
    story = Story().everybody().says(GUEST, offer())
    (problem,) = story.sent(GUEST)
    assert isinstance(problem, say.Problem)
    assert (problem.code, problem.seq) == ("notice-first", 7)
    assert story.says(WANG, offer()).effects(io.Negotiate)
    assert story.says(GUEST, offer(say.Subscribe)).effects(io.Negotiate)
    assert story.feed(io.Learned(ACCEPTED, 1)).says(GUEST, offer()).effects(io.Negotiate)


def test_recording_begins_with_the_start_for_all_who_publish() -> None:
    story = Story(ACCEPTED).everybody().feed(io.MediaIs(GUEST, "connected"), io.MediaIs(WANG, "connected"))
    assert story.effects(io.StartRecording) == []
    story.feed(io.Learned(RUNNING, 5))
    assert story.effects(io.StartRecording) == [io.StartRecording(GUEST), io.StartRecording(WANG)]
    assert view(story.room).recording
    assert say.Changed(position=5) in story.sent(LIU)


def test_a_reconnection_is_a_new_part() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(GUEST, "connected"))
    assert story.feed(io.MediaIs(GUEST, "disconnected")).effects(io.StopRecording)
    assert story.feed(io.MediaIs(GUEST, "connected")).effects(io.StartRecording)


def test_taking_the_consent_back_stops_the_recording() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(GUEST, "connected"), io.MediaIs(WANG, "connected"))
    story.feed(io.Learned(replace(RUNNING, notice_accepted=False), 6))
    assert len(story.effects(io.StopRecording)) == 2


def test_a_recorder_that_fails_for_good_is_tried_again_with_the_next_connection() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(GUEST, "connected"))
    story.feed(io.RecorderFailed(GUEST, final=True))
    assert story.effects(io.StopRecording)
    assert any(isinstance(message, say.Problem) for message in story.sent(WANG))
    assert story.feed(io.Tick(), after=1).effects(io.StartRecording) == []
    story.feed(io.MediaIs(GUEST, "disconnected"))
    assert story.feed(io.MediaIs(GUEST, "connected")).effects(io.StartRecording)


def test_reloading_a_page_is_no_absence_but_a_minute_away_is() -> None:
    story = Story().everybody().feed(io.SocketClosed(GUEST, 1))
    assert story.feed(io.Tick(), after=AWAY_SECONDS - 1).effects(io.NotePresent) == []
    story.feed(io.Joined(GUEST, None, 11))
    assert story.effects(io.NotePresent) == []
    story.feed(io.SocketClosed(GUEST, 11))
    assert story.feed(io.Tick(), after=AWAY_SECONDS).effects(io.NotePresent) == [io.NotePresent(GUEST, False)]
    assert [m.party for m in view(story.room).participants] == [GUEST, WANG, LIU]


def test_media_without_a_socket_is_presence() -> None:
    story = Story(ACCEPTED).everybody().feed(io.MediaIs(GUEST, "connected"), io.MediaIs(GUEST, "media"))
    story.feed(io.SocketClosed(GUEST, 1))
    assert story.feed(io.Tick(), after=AWAY_SECONDS).effects(io.NotePresent) == []
    story.feed(io.MediaIs(GUEST, "silent"))
    assert story.feed(io.Tick(), after=AWAY_SECONDS).effects(io.NotePresent) == [io.NotePresent(GUEST, False)]


def test_after_ten_minutes_nobody_is_awaited_any_more() -> None:
    story = Story().everybody().feed(io.SocketClosed(GUEST, 1))
    story.feed(io.Tick(), after=LEFT_SECONDS)
    assert story.effects(io.DropMedia) == [io.DropMedia(GUEST)]
    assert [m.party for m in view(story.room).participants] == [WANG, LIU]


def test_whom_the_record_holds_present_after_a_crash_is_awaited_and_then_noted_as_gone() -> None:
    story = Story(replace(RUNNING, in_room=frozenset({GUEST, WANG}))).feed(io.Joined(WANG, "王", 2))
    assert story.effects(io.NotePresent) == []
    assert story.feed(io.Tick(), after=AWAY_SECONDS).effects(io.NotePresent) == [io.NotePresent(GUEST, False)]


def test_inspectors_ask_the_phone_for_quality_and_stills() -> None:
    story = Story(ACCEPTED).everybody()
    assert [m.code for m in story.says(WANG, say.Quality(level="high")).sent(WANG)] == ["no-camera"]  # type: ignore[attr-defined]
    story.feed(io.MediaIs(GUEST, "connected"), io.MediaIs(WANG, "connected"))
    story.says(WANG, say.Quality(level="high"))
    assert story.effects(io.SetTarget) == [io.SetTarget(GUEST, 1500)]
    assert story.sent(GUEST) == [say.SetQuality(level="high")]
    story.says(LIU, say.Still(item="f2-01", request="r1"))
    assert story.sent(GUEST) == [say.TakeStill(item="f2-01", request="r1")]


def test_on_site_the_filming_inspector_is_asked() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(WANG, "connected"))
    story.says(LIU, say.Still(item="f2-01", request="r1"))
    assert story.sent(WANG) == [say.TakeStill(item="f2-01", request="r1")]


@pytest.mark.parametrize("message", [say.Quality(level="high"), say.Still(item="a", request="r"), say.Point(item="a")])
def test_the_applicant_does_not_direct_the_inspection(message: say.Incoming) -> None:
    (problem,) = Story(ACCEPTED).everybody().says(GUEST, message).sent(GUEST)
    assert isinstance(problem, say.Problem)
    assert problem.code == "not-permitted"


def test_pointing_shows_everybody_the_item() -> None:
    story = Story().everybody().says(WANG, say.Point(item="f2-03"))
    assert all(say.Pointed(item="f2-03") in story.sent(party) for party in TABS)
    assert view(story.room).item == "f2-03"


def test_words_reach_the_others_and_figures_only_the_inspectors() -> None:
    story = Story().everybody().says(GUEST, say.Say(text="听得到吗"))
    assert story.sent(WANG) == [say.Said(text="听得到吗", party=GUEST)]
    assert story.sent(GUEST) == []
    story.says(WANG, say.Stats(kbps=500, lost=0.01, bytes=10))
    assert isinstance(story.sent(LIU)[0], say.Line)
    assert story.sent(GUEST) == []
    assert story.says(GUEST, say.Ping()).sent(GUEST) == [say.Pong()]


def test_a_flood_of_messages_is_answered_with_a_problem_until_it_calms_down() -> None:
    story = Story().everybody()
    story.now = 1000.0
    for _ in range(int(BURST)):
        story.says(WANG, say.Ping())
    assert [m.code for m in story.says(WANG, say.Ping()).sent(WANG)] == ["too-fast"]  # type: ignore[attr-defined]
    story.now += 1
    assert story.says(WANG, say.Ping()).sent(WANG) == [say.Pong()]


def test_the_end_seals_tells_and_closes_everything() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(GUEST, "connected"))
    story.feed(io.Learned(ENDED, 9))
    assert story.effects(io.StopRecording) == [io.StopRecording(GUEST)]
    assert {e.party for e in story.effects(io.NotePresent)} == set(TABS)
    assert [type(m) for m in story.sent(GUEST)] == [say.Changed, say.End, say.Bye]
    assert story.out[-1] == io.CloseRoom()
    late = story.feed(io.Joined(GUEST, None, 12)).out
    assert [type(effect) for effect in late] == [io.Send, io.CloseTab]


def test_whoever_is_shut_out_is_gone_at_once() -> None:
    story = Story(RUNNING).everybody().feed(io.MediaIs(WANG, "connected")).feed(io.Revoked(WANG))
    assert [type(e) for e in story.out if not isinstance(e, io.Send) or e.tab == 2] == [
        io.StopRecording,
        io.Send,
        io.CloseTab,
        io.NotePresent,
        io.DropMedia,
    ]


def test_a_restart_says_so_and_is_not_the_end() -> None:
    story = Story(RUNNING).everybody().feed(io.Shutdown())
    (bye,) = story.sent(GUEST)
    assert isinstance(bye, say.Bye)
    assert bye.code == "restart"


parties = st.sampled_from(list(TABS))
tabs = st.integers(1, 4)
messages = st.sampled_from(
    [
        offer(),
        offer(say.Subscribe),
        say.Quality(level="high"),
        say.Still(item="a", request="r"),
        say.Point(item="a"),
        say.Say(text="x"),
        say.Stats(kbps=1, lost=0, bytes=1),
        say.Ping(),
    ]
)
facts = st.builds(
    io.Facts,
    applicant=st.just(GUEST),
    inspectors=st.just(frozenset({WANG, LIU})),
    notice_accepted=st.booleans(),
    started=st.booleans(),
    ended=st.sampled_from([False, False, False, True]),
    in_room=st.frozensets(parties),
)
inputs = st.one_of(
    st.builds(io.Joined, parties, st.none(), tabs),
    st.builds(io.SocketClosed, parties, tabs),
    st.builds(io.Heard, parties, tabs, messages),
    st.builds(io.MediaIs, parties, st.sampled_from(["connected", "media", "silent", "disconnected"])),
    st.builds(io.Learned, facts, st.integers(0, 9)),
    st.builds(io.RecorderFailed, parties, st.booleans()),
    st.builds(io.Revoked, parties),
    st.just(io.Tick()),
)


@settings(max_examples=400, deadline=None)
@given(facts, st.lists(st.tuples(inputs, st.floats(0, 700)), max_size=40))
def test_nothing_is_ever_recorded_before_the_notice_is_accepted_and_the_inspection_runs(
    known: io.Facts, happenings: list[tuple[io.Input, float]]
) -> None:
    room, now = opened(known, 0.0), 0.0
    recorded: set[str] = set()
    for input, later in happenings:
        now += later
        if isinstance(input, io.Learned):
            known = input.facts
        room, effects = step(room, input, now)
        for effect in effects:
            match effect:
                case io.StartRecording(party):
                    assert known.notice_accepted
                    assert known.started
                    assert not known.ended
                    assert party not in recorded
                    recorded.add(party)
                case io.StopRecording(party):
                    recorded.remove(party)
        assert not recorded or (known.notice_accepted and known.started and not known.ended)
        assert recorded == {person.party for person in room.people.values() if person.recorded}
