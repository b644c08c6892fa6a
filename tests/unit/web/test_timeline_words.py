"""Every event of a whole life can be told in words, and none of them shows a code or a sealed value."""

from __future__ import annotations

import re

from cases.catalogue import shipped
from cases.errors import MissingError
from projections.labels import LABELS
from projections.rows import TimelineRow
from projections.timeline import facts
from tests.builders import RESTAURANT
from tests.unit.projections.story import Story, records, whole_life
from web.opened import Opened
from web.present_timeline import _ABOUT, _NAMES, Words


def rows(story: Story) -> list[TimelineRow]:
    return [
        TimelineRow(
            position=recorded.position, case_id=recorded.originator_id, stream=LABELS[recorded.topic].stream,
            stream_id=recorded.originator_id, version=1, topic=recorded.topic, at=recorded.event.timestamp,
            actor="", principal="", channel="", office="", region="", cause="", hash="", facts=facts(recorded.event),
        )
        for recorded in records(story.facts)
    ]  # fmt: skip


class Directory:
    """Knows nobody and nothing: words then fall back on the part that somebody plays."""

    def staff(self, id: object) -> object:

        raise MissingError

    office = staff


def test_every_event_of_a_whole_life_is_told_without_internal_codes() -> None:
    directory = Directory()
    words = Words(shipped().current(RESTAURANT), Opened({}, directory), directory)  # type: ignore[arg-type]
    told = 0
    for row in rows(whole_life()):
        for code, value in row.facts.items():
            found = words.of(row.topic, code, value) if code in _NAMES else None
            if found is not None:
                told += 1
                assert not re.search(r"staff:|person:|guest:|[0-9a-f]{8}-[0-9a-f]{4}", found.zh), (row.topic, code)
    assert told > 20


def test_what_makes_up_a_sentence_is_a_fact_that_has_a_name() -> None:
    assert _ABOUT.keys() <= LABELS.keys()
    assert {code for codes in _ABOUT.values() for code in codes} <= _NAMES.keys()
