"""Aggregates whose every event says who did what, for whom, where and why.

The package's `Aggregate` is used as it is. What we add: time and ids enter from outside
(`Context`), every event has an explicit stored name (`TOPIC`) and carries its context inside its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Self, TypedDict
from uuid import UUID

from eventsourcing.domain import Aggregate as PackageAggregate
from eventsourcing.domain import OriginatorIDError, OriginatorVersionError
from eventsourcing.utils import register_topic


@dataclass(frozen=True, kw_only=True)
class Context:
    """The circumstances of one command, copied into each event that it causes.

    actor: who acts: `staff:<uuid>`, `person:<uuid>`, `guest:<uuid>` (an invited participant) or `system:<name>`.
    principal: on whose behalf; equal to `actor` unless a deputy, agent or reaction acts for somebody.
    channel: the door through which the command came (`phone`, `counter`, `desk`, `video`, `cli`, `system`).
    office, region: codes of the office in charge and of its region, for row filters and later partition.
    cause: what led to this command: `command:<uuid>` or, for a reaction, `event:<originator uuid>@<version>`.
    """

    at: datetime
    actor: str
    principal: str
    channel: str
    office: str
    region: str
    cause: str

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a context's time must know its zone")


class Sealed(TypedDict):
    """What an event holds instead of a personal value: where it lies in the vault and a keyed commitment to it.

    ref: the vault entry's uuid; commitment: HMAC-SHA-256 (hex) under a key that lies beside the ciphertext.
    """

    ref: str
    commitment: str


class Event(PackageAggregate.Event):
    """Base of all our events; `data_class` grades the content (GB/T 43697 levels: `general-1` … `general-4`)."""

    TOPIC: ClassVar[str]
    DATA_CLASS: ClassVar[str] = "general-3"

    actor: str
    principal: str
    channel: str
    office: str
    region: str
    cause: str
    data_class: str

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "TOPIC" in cls.__dict__:
            register_topic(cls.TOPIC, cls)

    def mutate(self, aggregate: Any) -> Any:
        """The package's, with the same checks; each replayed event passes here, so properties are left aside."""
        assert aggregate is not None
        if self.originator_id is not aggregate._id and self.originator_id != aggregate._id:
            raise OriginatorIDError(self.originator_id, aggregate._id)
        if self.originator_version != aggregate._version + 1:
            raise OriginatorVersionError(self.originator_version, aggregate._version + 1)
        self.apply(aggregate)
        aggregate._version = self.originator_version
        aggregate._modified_on = self.timestamp
        return aggregate


class CreatedEvent(Event, PackageAggregate.Created):
    """Base of the events that begin a stream. Its `apply` runs on the blank state that `Aggregate.blank` sets."""

    mutate = PackageAggregate.Created.mutate


class Aggregate(PackageAggregate):
    """Base of our aggregates. Commands check and refuse; events' `apply` only sets state, so history always loads.

    A subclass names its stored topic: `class Case(Aggregate, topic="case")`.
    """

    TOPIC: ClassVar[str]
    SNAPSHOT_VERSION: ClassVar[int] = 1
    """Raised when events come to set state otherwise by code outside the modules of the aggregate and its events."""

    def __init_subclass__(cls, topic: str) -> None:
        # The topic is given after the package has looked at the class: it would otherwise ask for
        # a stored name for the created event that it derives by itself and that nobody triggers.
        super().__init_subclass__()
        cls.TOPIC = topic
        register_topic(topic, cls)

    def __base_init__(self, originator_id: UUID, originator_version: int, timestamp: datetime) -> None:
        super().__base_init__(originator_id, originator_version, timestamp)
        self.blank()

    def blank(self) -> None:
        """Sets every attribute before the first event is applied.

        Not `__init__`: the package would derive a created event, without a stored name, from its signature.
        """

    @classmethod
    def begin(cls, event_class: type[CreatedEvent], context: Context, *, id: UUID, **fields: Any) -> Self:
        return cls._create(event_class, id=id, **_context_fields(event_class, context), **fields)

    def trigger(self, event_class: type[Event], context: Context, **fields: Any) -> None:
        self.trigger_event(event_class, **_context_fields(event_class, context), **fields)


def _context_fields(event_class: type[Event], context: Context) -> dict[str, Any]:
    return {
        "timestamp": context.at,
        "actor": context.actor,
        "principal": context.principal,
        "channel": context.channel,
        "office": context.office,
        "region": context.region,
        "cause": context.cause,
        "data_class": event_class.DATA_CLASS,
    }
