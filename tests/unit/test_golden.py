"""Stored shapes never change silently: each event is held against the file of how it was once stored."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from eventsourcing.persistence import StoredEvent

from eventstore.aggregate import CreatedEvent, Event
from eventstore.mapper import Mapper
from tests.golden.write import FOLDER, STREAM, event_classes, field_types, path_of, version_of

FILES = sorted(FOLDER.glob("*.v*.json"))


def read(path: Path) -> tuple[str, dict[str, object], Event]:
    golden = json.loads(path.read_text(encoding="utf-8"))
    state = json.dumps(golden["state"], ensure_ascii=False, separators=(",", ":")).encode()
    event = Mapper().to_domain_event(StoredEvent(STREAM, 1, golden["topic"], state))
    assert isinstance(event, Event)
    return golden["topic"], golden["state"], event


@pytest.mark.parametrize("event_class", event_classes(), ids=lambda event_class: event_class.TOPIC)
def test_every_event_has_a_golden_file(event_class: type[Event]) -> None:
    assert path_of(event_class).exists(), "run `python -m tests.golden.write` and commit the new file"


@pytest.mark.parametrize("event_class", event_classes(), ids=lambda event_class: event_class.TOPIC)
def test_every_version_that_was_ever_stored_keeps_its_golden_file_and_has_a_step_to_the_next(
    event_class: type[Event],
) -> None:
    for version in range(1, version_of(event_class)):
        assert (FOLDER / f"{event_class.TOPIC}.v{version}.json").exists()
        assert hasattr(event_class, f"upcast_v{version}_v{version + 1}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_was_stored_once_can_be_read_for_ever(path: Path) -> None:
    """An event that was removed, renamed, or reads its fields otherwise fails here."""
    topic, _, event = read(path)
    assert topic == path.name.partition(".")[0] == type(event).TOPIC
    expected = set(field_types(type(event))) | {"originator_id", "originator_version", "timestamp"}
    if isinstance(event, CreatedEvent):
        expected.add("originator_topic")
    assert set(vars(event)) == expected, "the event's fields differ from what was stored: add a version and an upcast"


@pytest.mark.parametrize(
    "path", [path_of(c) for c in event_classes() if path_of(c).exists()], ids=lambda path: path.stem
)
def test_the_present_shape_is_stored_as_it_was_published(path: Path) -> None:
    _, state, event = read(path)
    assert json.loads(Mapper().to_stored_event(event).state) == state


@pytest.mark.parametrize("event_class", event_classes(), ids=lambda event_class: event_class.TOPIC)
def test_no_event_holds_a_personal_value_by_its_name(event_class: type[Event]) -> None:
    """What people wrote or are called is in the vault: such fields hold a reference, never the text."""
    for name in ("name", "reason", "reasons", "note", "comment", "reply", "decision", "what", "contact", "outcome"):
        hint = field_types(event_class).get(name)
        if hint is str:
            assert name in ("outcome", "reason"), f"{event_class.TOPIC} keeps {name} in the open"
