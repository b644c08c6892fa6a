"""Domain events to stored events and back, in the package's own format, so that the package reads what we write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper as PackageMapper
from eventsourcing.persistence import MapperDeserialisationError, StoredEvent
from eventsourcing.utils import get_topic

from eventstore.aggregate import Event
from eventstore.errors import UnknownEventError
from eventstore.transcoder import Transcoder


@dataclass(frozen=True, slots=True)
class _Known:
    event_class: type[Event]
    version: int


class Mapper(PackageMapper[UUID]):
    """Refuses unknown topics, and versions of them that are newer than this program, by name.

    The package would take an unknown topic for an import path and import whatever module bears that name, and would
    read a newer version as if it were the present one. Upcasting is the package's: an event class with
    `class_version = 3` has static methods `upcast_v1_v2` and `upcast_v2_v3`, each of which changes the state of a
    stored event by one step, in place.
    """

    def __init__(self) -> None:
        transcoder = Transcoder()
        super().__init__(transcoder)
        self._encode_fields = transcoder.encode_fields
        self._decode = transcoder.decode
        self._known: dict[str, _Known] = {}

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        fields = dict(vars(domain_event))
        originator_id = fields.pop("originator_id")
        originator_version = fields.pop("originator_version")
        event_class = type(domain_event)
        class_version = getattr(event_class, "class_version", 1)
        if class_version > 1:
            fields["class_version"] = class_version
        return StoredEvent(originator_id, originator_version, get_topic(event_class), self._encode_fields(fields))

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        return self.event(
            cast(UUID, stored_event.originator_id),
            stored_event.originator_version,
            stored_event.topic,
            stored_event.state,
        )

    def event(self, originator_id: UUID, originator_version: int, topic: str, state: bytes) -> Event:
        """What `to_domain_event` does, for who has the columns at hand: replay is made of this."""
        known = self._known.get(topic) or self._learn(originator_id, originator_version, topic)
        try:
            fields: dict[str, Any] = self._decode(state)
            stored = fields.pop("class_version", 1)
        except Exception as error:
            place = f"{topic} @ {originator_id} v{originator_version}"
            raise MapperDeserialisationError(f"the state of {place} cannot be read: {error}") from error
        fields["originator_id"] = originator_id
        fields["originator_version"] = originator_version
        if stored != known.version:
            _upcast(known, fields, stored, f"{originator_id} v{originator_version}")
        event = object.__new__(known.event_class)
        object.__setattr__(event, "__dict__", fields)
        return event

    def _learn(self, originator_id: UUID, originator_version: int, topic: str) -> _Known:
        classes = _classes(Event)
        self._known = {
            topic: _Known(event_class, int(getattr(event_class, "class_version", 1)))
            for topic, event_class in classes.items()
        }
        try:
            return self._known[topic]
        except KeyError:
            raise UnknownEventError(topic, f"{originator_id} v{originator_version}") from None


def _upcast(known: _Known, fields: dict[str, Any], stored: object, place: str) -> None:
    if type(stored) is not int or not 1 <= stored < known.version:
        raise UnknownEventError(f"{known.event_class.TOPIC} class_version {stored}", place)
    for step in range(stored, known.version):
        getattr(known.event_class, f"upcast_v{step}_v{step + 1}")(fields)


def _classes(event_class: type[Event]) -> dict[str, type[Event]]:
    found = {event_class.TOPIC: event_class} if "TOPIC" in event_class.__dict__ else {}
    for subclass in event_class.__subclasses__():
        found |= _classes(subclass)
    return found
