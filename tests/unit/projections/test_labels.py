from __future__ import annotations

from cases import case_events, complaint, erasure, evaluation, hold, organisation, visit
from eventstore import CreatedEvent, Event
from inspection import events
from projections.labels import LABELS, label

MODULES = (case_events, complaint, erasure, evaluation, hold, organisation, visit, events)


def topics(module: object) -> set[str]:
    return {
        value.TOPIC
        for value in vars(module).values()
        if isinstance(value, type) and issubclass(value, Event) and value not in (Event, CreatedEvent)
    }


def test_every_event_has_a_name_in_both_languages() -> None:
    stored = set().union(*map(topics, MODULES))
    assert stored == LABELS.keys()
    assert all(label(topic).zh and label(topic).en for topic in stored)
    assert len({label(topic).zh for topic in stored}) == len(stored)


def test_an_event_belongs_to_the_stream_that_its_aggregate_is_stored_as() -> None:
    assert {LABELS[topic].stream for topic in topics(case_events)} == {"case"}
    assert {LABELS[topic].stream for topic in topics(events)} == {"inspection"}
    assert {LABELS[topic].stream for topic in topics(complaint)} == {"complaint", "evaluation"}
