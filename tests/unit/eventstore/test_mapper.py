from __future__ import annotations

import sys
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    MapperDeserialisationError,
    StoredEvent,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)
from hypothesis import given
from hypothesis import strategies as st

from eventstore import Aggregate, Context, CreatedEvent, Event, UnknownEventError
from eventstore.mapper import Mapper
from eventstore.transcoder import ImpostorError, Transcoder

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


def test_a_damaged_state_is_an_error_that_names_its_place() -> None:
    with pytest.raises(MapperDeserialisationError, match=f"test-box-opened @ {UUID(int=7)} v3"):
        Mapper().to_domain_event(StoredEvent(UUID(int=7), 3, "test-box-opened", b'{"label":'))


# the package's format, by our own means

texts = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ["_type_", "_data_", "", '"_type_"', "\x00"]
)
plain = st.none() | st.booleans() | st.integers() | st.floats() | texts
objects = st.uuids() | st.datetimes(timezones=st.just(UTC)) | st.datetimes() | st.decimals()


def nested(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
    )


def packages() -> JSONTranscoder:
    transcoder = JSONTranscoder()
    for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
        transcoder.register(transcoding)
    return transcoder


def told(decode: Any, data: bytes) -> Any:
    """What a decoder makes of it, as text, since NaN is not equal to itself."""
    try:
        return repr(decode(data))
    except Exception as error:
        return type(error)


@given(nested(plain | objects))
def test_what_is_written_is_the_packages_to_the_byte(value: Any) -> None:
    try:
        ours = Transcoder().encode(value)
    except ImpostorError:
        return
    assert ours == packages().encode(value)
    assert told(Transcoder().decode, ours) == told(packages().decode, ours)


@given(st.dictionaries(texts, nested(plain | objects), max_size=6))
def test_so_are_an_events_fields(fields: dict[str, Any]) -> None:
    before = repr(fields)
    try:
        ours = Transcoder().encode_fields(fields)
    except ImpostorError:
        return
    assert ours == packages().encode(fields)
    assert repr(fields) == before


@given(nested(plain))
def test_whatever_was_written_is_read_as_the_package_reads_it(value: Any) -> None:
    data = packages().encode(value)
    assert told(Transcoder().decode, data) == told(packages().decode, data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"\\u005ftype_":"uuid_hex","_data_":"00000000000000000000000000000007"}',
        b'[{"_type_":"datetime_iso","_data_":{"_type_":"uuid_hex","_data_":"07"}}]',
        b'{"timestamp":{"_type_":"datetime_iso","_data_":"2026-03-02T00:00:00+00:00"},"x":"_type_"}',
        b'{"timestamp":{"_type_":"decimal_str","_data_":"1.50"}}',
        b'{"timestamp":{"_type_":"datetime_iso","_data_":1}}',
        b'{"_type_":"unheard-of","_data_":1}',
        b'{"a":{"_type_":"decimal_str","_data_":"1"},"a":{"_type_":"decimal_str","_data_":"2"}}',
        b'{"_type_":"decimal_str"}',
        b'"\\ud83d"',
        b"[NaN,1e400,123456789012345678901234567890]",
        b"\xff",
        b"[1,]",
        b"",
    ],
)
def test_odd_texts_are_read_as_the_package_reads_them(data: bytes) -> None:
    ours, theirs = told(Transcoder().decode, data), told(packages().decode, data)
    assert ours == theirs or (isinstance(ours, type) and isinstance(theirs, type))


class Colour(StrEnum):
    RED = "red"


def test_subclasses_and_odd_keys_are_written_the_packages_way() -> None:
    value = {"colour": Colour.RED, "numbers": {1: "one"}, "pair": (1, (2.5,))}
    assert Transcoder().encode(value) == Transcoder().encode_fields(value) == packages().encode(value)


def test_what_nobody_can_read_back_is_not_written() -> None:
    with pytest.raises(TranscodingNotRegisteredError):
        Transcoder().encode({"set": {1}})
    with pytest.raises(ImpostorError):
        Transcoder().encode([{"_type_": "uuid_hex", "_data_": "somebody typed this"}])
