from __future__ import annotations

import sys
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore import Aggregate, Context, CreatedEvent, Event, UnknownEventError
from eventstore.mapper import Mapper

CONTEXT = Context(
    at=datetime(2026, 3, 2, tzinfo=UTC), actor="system:test", principal="system:test", channel="system",
    office="qd", region="370200", cause="command:1",
)  # fmt: skip


class BoxOpened(CreatedEvent):
    TOPIC = "test-box-opened"
    label: str

    def apply(self, aggregate: Box) -> None:
        aggregate.label = self.label


class Box(Aggregate, topic="test-box"):
    def blank(self) -> None:
        self.label = ""


def stored(topic: str) -> StoredEvent:
    return StoredEvent(UUID(int=7), 3, topic, b"{}")


def test_an_event_comes_back_equal() -> None:
    (event,) = Box.begin(BoxOpened, CONTEXT, id=uuid4(), label="箱").collect_events()
    mapper = Mapper()
    assert mapper.to_domain_event(mapper.to_stored_event(event)) == event


def test_state_is_plain_json_with_the_context_inside() -> None:
    (event,) = Box.begin(BoxOpened, CONTEXT, id=uuid4(), label="箱").collect_events()
    state = Mapper().to_stored_event(event).state.decode()
    assert '"timestamp":{"_type_":"datetime_iso","_data_":"2026-03-02T00:00:00+00:00"}' in state
    assert '"label":"箱"' in state
    assert '"office":"qd"' in state


def test_an_unknown_event_is_an_error_that_names_it_and_its_place() -> None:
    with pytest.raises(UnknownEventError, match=f"case-from-the-future @ {UUID(int=7)} v3"):
        Mapper().to_domain_event(stored("case-from-the-future"))


def test_a_topic_that_is_a_module_name_imports_nothing() -> None:
    sys.modules.pop("antigravity", None)
    with pytest.raises(UnknownEventError):
        Mapper().to_domain_event(stored("antigravity"))
    assert "antigravity" not in sys.modules


def test_the_topic_of_an_aggregate_is_not_an_event() -> None:
    with pytest.raises(UnknownEventError):
        Mapper().to_domain_event(stored("test-box"))


def test_an_event_class_that_is_defined_later_is_found() -> None:
    mapper = Mapper()
    with pytest.raises(UnknownEventError):
        mapper.to_domain_event(stored("test-box-closed"))

    class BoxClosed(Event):
        TOPIC = "test-box-closed"

        def apply(self, aggregate: Box) -> None:
            pass

    assert isinstance(mapper.to_domain_event(stored("test-box-closed")), BoxClosed)
