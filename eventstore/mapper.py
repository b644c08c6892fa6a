"""Domain events to stored events and back, in the package's own format, so that the package reads what we write."""

from __future__ import annotations

from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    StoredEvent,
    UUIDAsHex,
)
from eventsourcing.persistence import Mapper as PackageMapper

from eventstore.aggregate import Event
from eventstore.errors import UnknownEventError


class Mapper(PackageMapper[UUID]):
    """Refuses unknown topics by name.

    The package would take an unknown topic for an import path and import whatever module bears that name.
    """

    def __init__(self) -> None:
        transcoder = JSONTranscoder()
        for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
            transcoder.register(transcoding)
        super().__init__(transcoder)
        self._known: set[str] = set()

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        if stored_event.topic not in self._known:
            self._known = _topics(Event)
            if stored_event.topic not in self._known:
                place = f"{stored_event.originator_id} v{stored_event.originator_version}"
                raise UnknownEventError(stored_event.topic, place)
        return super().to_domain_event(stored_event)


def _topics(event_class: type[Event]) -> set[str]:
    topics = {event_class.TOPIC} if "TOPIC" in event_class.__dict__ else set()
    return topics.union(*(_topics(subclass) for subclass in event_class.__subclasses__()))
