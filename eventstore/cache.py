"""Aggregates kept between the commands of this process. What they say may be old: whoever uses one, guards it.

Two commands never hold the same object: it is taken out, and put back when the command that had it has been stored.
Whatever else happens to the command, the object is dropped, for nobody knows what was done to it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from uuid import UUID

from eventstore.aggregate import Aggregate


@dataclass(slots=True)
class Loaded:
    """An aggregate as it stands in the record at `version`, where its last event has this `hash`.

    unsnapped: how many of its events came after the snapshot it was made from, or since its beginning.
    """

    aggregate: Aggregate
    version: int
    hash: bytes
    unsnapped: int


class AggregateCache:
    """At most `size` aggregates, those that were used last; 0 keeps none."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: OrderedDict[UUID, Loaded] = OrderedDict()
        self.generation = 0

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, id: UUID) -> Loaded | None:
        return self._kept.pop(id, None)

    def put(self, loaded: Loaded, generation: int) -> None:
        """generation: that of the cache when the command began; after a `clear` its aggregates do not come back."""
        aggregate = loaded.aggregate
        assert not aggregate.pending_events, "an event that is not stored would be taken for stored"
        if not self._size or generation != self.generation:
            return
        kept = self._kept.get(aggregate.id)
        if kept is None or kept.version <= loaded.version:
            self._kept[aggregate.id] = loaded
            self._kept.move_to_end(aggregate.id)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """After a connection was lost: behind the next one there may be another record."""
        self._kept.clear()
        self.generation += 1
