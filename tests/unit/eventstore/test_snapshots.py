"""Our aggregates come back from a snapshot, and from their stored events, exactly as they were."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

import pytest
from eventsourcing.domain import Snapshot
from eventsourcing.persistence import JSONTranscoder, TranscodingNotRegisteredError
from eventsourcing.persistence import Mapper as PackageMapper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cases.case import Case
from cases.complaint import Complaint
from cases.erasure import Erasure
from cases.evaluation import Evaluation
from cases.hold import Holds
from cases.organisation import Office, Staff
from cases.visit import Visit
from eventstore import Aggregate, CreatedEvent, Event
from eventstore.mapper import Mapper
from eventstore.snapshots import shape_of
from eventstore.transcoder import StateTranscoder
from inspection.inspection import Inspection
from tests import builders
from tests.golden.write import STREAM, event_classes, field_types
from tests.unit.inspection import given as inspections

KINDS: list[type[Aggregate]] = [Case, Complaint, Erasure, Evaluation, Holds, Office, Staff, Visit, Inspection]
PEOPLE = ("staff:7d0c1f0e-0000-4000-8000-000000000001", "staff:7d0c1f0e-0000-4000-8000-000000000002")

_leaves: dict[Any, st.SearchStrategy[Any]] = {
    str: st.sampled_from([*PEOPLE, "", "2026-09-29", "海风小馆"]),
    int: st.integers(0, 5),
    float: st.floats(allow_nan=False, allow_infinity=False),
    bool: st.booleans(),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
    UUID: st.uuids(),
    NoneType: st.none(),
}


def values(hint: Any, name: str = "") -> st.SearchStrategy[Any]:
    """Whatever an event's field of this type may hold."""
    if name in ("case", "deputy", "person", "ref"):
        return st.uuids().map(str)
    if name == "cases":
        return st.lists(st.uuids().map(str), max_size=3)
    if name == "due":
        return st.dates().map(date.isoformat)
    if hint in _leaves:
        return _leaves[hint]
    if is_typeddict(hint):
        return st.fixed_dictionaries({key: values(member, key) for key, member in get_type_hints(hint).items()})
    return _made_of(hint, get_args(hint))


def _made_of(hint: Any, arguments: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    match get_origin(hint):
        case origin if origin is Literal:
            return st.sampled_from(arguments)
        case origin if origin in (Union, UnionType):
            return st.one_of(*(values(member) for member in arguments))
        case origin if origin in (list, tuple):
            return st.lists(values(arguments[0]), max_size=3)
        case origin if origin is dict:
            return st.dictionaries(_leaves[str], values(arguments[1]), max_size=3)
    raise TypeError(f"say here what {hint} may hold")


def fields_of(event_class: type[Event]) -> st.SearchStrategy[dict[str, Any]]:
    hints = field_types(event_class)
    return st.fixed_dictionaries(
        {name: values(hint, name) for name, hint in hints.items()} | {"timestamp": _leaves[datetime]}
    )


def events_of(kind: type[Aggregate]) -> tuple[list[type[Event]], list[type[Event]]]:
    """Those that begin a stream of this kind, and those that go on with it."""
    own = [one for one in event_classes() if one.apply.__annotations__["aggregate"] == kind.__name__]
    first: list[type[Event]] = [one for one in own if issubclass(one, CreatedEvent)]
    return first, [one for one in own if one not in first]


@st.composite
def histories(draw: st.DrawFn, kind: type[Aggregate]) -> list[Event]:
    """Events as they are read from the record; what could never have followed is left out."""
    first, later = events_of(kind)
    chosen = [draw(st.sampled_from(first))]
    chosen += draw(st.lists(st.sampled_from(later), max_size=8)) if later else []
    mapper, aggregate = Mapper(), None
    history: list[Event] = []
    for event_class in chosen:
        fields = draw(fields_of(event_class)) | {"originator_id": STREAM, "originator_version": len(history) + 1}
        if not history:
            fields["originator_topic"] = kind.TOPIC
        event = cast(Event, mapper.to_domain_event(mapper.to_stored_event(event_class(**fields))))
        try:
            aggregate = event.mutate(aggregate)
        except (KeyError, ValueError):
            continue
        history.append(event)
    return history


def replayed(events: list[Event], aggregate: Any = None) -> Any:
    for event in events:
        aggregate = event.mutate(aggregate)
    return aggregate


def exactly(value: Any) -> Any:
    """With all types, which `==` does not tell: 1 and True, a word and an enum's member, a list in a tuple."""
    if isinstance(value, dict):
        return type(value), [(exactly(key), exactly(item)) for key, item in value.items()]
    if isinstance(value, list | tuple):
        return type(value), [exactly(item) for item in value]
    if isinstance(value, set | frozenset):
        return type(value), {exactly(item) for item in value}
    return type(value), value


def attributes(aggregate: Aggregate) -> dict[str, Any]:
    return {name: exactly(value) for name, value in vars(aggregate).items()}


MAPPER = PackageMapper[UUID](StateTranscoder())


def again(aggregate: Aggregate) -> Any:
    return cast(Any, MAPPER.to_domain_event(MAPPER.to_stored_event(Snapshot.take(aggregate)))).mutate(None)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.TOPIC)
@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_snapshot_and_tail_give_what_all_events_give(kind: type[Aggregate], data: st.DataObject) -> None:
    history = data.draw(histories(kind))
    at = data.draw(st.integers(1, len(history)))
    resumed = replayed(history[at:], again(replayed(history[:at])))
    assert attributes(resumed) == attributes(replayed(history))
    assert type(resumed) is kind


def test_every_event_belongs_to_one_of_them() -> None:
    assert sum(len(events) for kind in KINDS for events in events_of(kind)) == len(event_classes())


@pytest.mark.parametrize(
    "make",
    [
        builders.received_case,
        lambda: builders.received_case(with_core=False),
        builders.accepted_case,
        builders.inspected_case,
        builders.decided_case,
        lambda: builders.decided_case(granted=False),
        inspections.offered,
        inspections.gathered,
        inspections.running,
        inspections.ended,
        inspections.drafted,
    ],
)
def test_what_a_command_leaves_behind_is_what_its_stored_events_give(make: Any) -> None:
    """So an aggregate may be kept for the next command instead of being loaded."""
    aggregate = make()
    mapper = Mapper()
    stored = [mapper.to_stored_event(event) for event in aggregate.collect_events()]
    events = [cast(Event, mapper.to_domain_event(one)) for one in stored]
    assert attributes(aggregate) == attributes(replayed(events))


def test_the_package_reads_our_snapshots() -> None:
    stored = MAPPER.to_stored_event(Snapshot.take(inspections.running()))
    transcoder = JSONTranscoder()
    for transcoding in StateTranscoder().types.values():
        transcoder.register(transcoding)
    theirs = PackageMapper[UUID](transcoder).to_domain_event(stored)
    assert theirs == MAPPER.to_domain_event(stored)


class Colour(StrEnum):
    RED = "red"


@pytest.mark.parametrize(
    "state",
    [
        {("a", 1): "x", ("b", 2): {"_type_": "uuid_hex", "_data_": "not one"}},
        {"nested": ({1, 2}, [frozenset({"a"}), (date(2026, 3, 2), Colour.RED, Decimal("1.50"), UUID(int=7), 2.5)])},
        {1: None, None: 1, 1.5: [], "1": {}},
        {},
    ],
)
def test_the_state_of_an_aggregate_may_hold_such_things(state: dict[Any, Any]) -> None:
    transcoder = StateTranscoder()
    assert exactly(transcoder.decode(transcoder.encode(state))) == exactly(state)


@pytest.mark.parametrize("value", [object(), float("nan"), b"bytes", type("Odd", (str,), {})("x")])
def test_what_would_not_come_back_is_not_written(value: Any) -> None:
    with pytest.raises(TranscodingNotRegisteredError):
        StateTranscoder().encode({"value": [value]})


def test_an_enum_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError):
        StateTranscoder().decode(b'{"_type_":"enum_by_name","_data_":["os","environ","PATH"]}')


def test_each_kind_has_a_shape_of_its_own() -> None:
    assert len({shape_of(kind) for kind in KINDS}) == len(KINDS)
