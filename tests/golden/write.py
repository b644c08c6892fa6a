"""Writes the golden file of each event that has none yet: `python -m tests.golden.write`. It never overwrites.

A golden file is how an event was stored when its shape was published. It is never edited: when a shape changes, the
event gets a `class_version` and an upcast, and a file for the new version beside the old one.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from datetime import UTC, date, datetime
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict
from uuid import UUID

from eventstore.aggregate import CreatedEvent, Event
from eventstore.mapper import Mapper

FOLDER = Path(__file__).parent
STREAM = UUID("6f6d1d9e-2f3b-4d0a-9a55-0c1f6c2b7a10")
_ENVELOPE = {"originator_id", "originator_version", "originator_topic", "timestamp"}  # the package's own fields
_AT = datetime(2026, 9, 21, 1, 30, tzinfo=UTC)
_ID = str(STREAM)
_TEXTS = {
    "actor": f"staff:{_ID}",
    "principal": f"staff:{_ID}",
    "channel": "desk",
    "office": "qd-shinan",
    "region": "370202",
    "cause": f"command:{_ID}",
    "applicant": f"person:{_ID}",
    "companion": f"staff:{_ID}",
    "case": _ID,
    "ref": _ID,
    "id": _ID,
    "commitment": "0f" * 32,
    "sha256": "0f" * 32,
    "digest": "0f" * 32,
    "number": "QD20260921-7K4XPM",
    "due": "2026-09-29",
}
_PLAIN: dict[Any, Any] = {
    str: "青岛",
    int: 7,
    float: 1.5,
    bool: True,
    datetime: _AT,
    date: _AT.date(),
    UUID: STREAM,
    NoneType: None,
}


def event_classes() -> list[type[Event]]:
    """All our events that have a stored name, wherever they are defined."""
    for floor in ("cases", "inspection"):
        package = importlib.import_module(floor)
        for module in pkgutil.iter_modules(package.__path__, f"{floor}."):
            importlib.import_module(module.name)
    found: set[type[Event]] = set()
    waiting: list[type[Event]] = [Event]
    while waiting:
        event_class = waiting.pop()
        waiting += event_class.__subclasses__()
        # Classes of tests are no part of the record.
        if "TOPIC" in vars(event_class) and event_class.__module__.startswith(("cases.", "inspection.")):
            found.add(event_class)
    return sorted(found, key=lambda event_class: event_class.TOPIC)


def version_of(event_class: type[Event]) -> int:
    return int(getattr(event_class, "class_version", 1))


def path_of(event_class: type[Event]) -> Path:
    return FOLDER / f"{event_class.TOPIC}.v{version_of(event_class)}.json"


def field_types(event_class: type[Event]) -> dict[str, Any]:
    """What the event says besides the package's envelope, class constants left out."""
    hints = get_type_hints(event_class)
    return {name: hint for name, hint in hints.items() if get_origin(hint) is not ClassVar and name not in _ENVELOPE}


def sample(hint: Any, name: str = "") -> Any:
    """A value of this type; of a union the richest member, so that nested shapes are held fast too."""
    if hint in _PLAIN:
        return _TEXTS.get(name, _PLAIN[hint]) if hint is str else _PLAIN[hint]
    if is_typeddict(hint):
        return {name: sample(member, name) for name, member in get_type_hints(hint).items()}
    arguments = get_args(hint)
    match get_origin(hint):
        case origin if origin is Literal:
            value = arguments[0]
        case origin if origin in (Union, UnionType):
            value = sample(max(arguments, key=lambda member: (is_typeddict(member), member is not NoneType)))
        case origin if origin is list:
            value = [sample(arguments[0])]
        case origin if origin is tuple:
            value = [sample(member) for member in arguments if member is not Ellipsis]  # as JSON will read it back
        case origin if origin is dict:
            value = {"field": sample(arguments[1])}
        case _:
            raise TypeError(f"no sample for {hint}: say here what such a value looks like")
    return value


def make(event_class: type[Event]) -> Event:
    fields = {name: sample(hint, name) for name, hint in field_types(event_class).items()}
    given: dict[str, Any] = {
        "originator_id": STREAM,
        "originator_version": 1,
        "timestamp": _AT,
        "data_class": event_class.DATA_CLASS,
    }
    if issubclass(event_class, CreatedEvent):
        given["originator_topic"] = event_class.apply.__annotations__["aggregate"].lower()
    event = object.__new__(event_class)
    object.__setattr__(event, "__dict__", fields | given)
    return event


def write() -> None:
    for event_class in event_classes():
        path = path_of(event_class)
        if not path.exists():
            stored = Mapper().to_stored_event(make(event_class))
            golden = {"topic": stored.topic, "state": json.loads(stored.state)}
            path.write_text(json.dumps(golden, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
