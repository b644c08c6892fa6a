"""One small aggregate, twice: on our base, and on the package's with its `@event` methods; the same fields in both.

And what is told of it: a timeline of all steps, and the newest step of each matter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from eventsourcing.domain import Aggregate as PackageAggregate
from eventsourcing.domain import event

from eventstore import Aggregate, Context, CreatedEvent, Event, Recorded

CONTEXT = Context(
    at=datetime(2026, 9, 21, 1, 30, tzinfo=UTC),
    actor="staff:6f6d1d9e-2f3b-4d0a-9a55-0c1f6c2b7a10",
    principal="staff:6f6d1d9e-2f3b-4d0a-9a55-0c1f6c2b7a10",
    channel="desk",
    office="qd-shinan",
    region="370202",
    cause="command:6f6d1d9e-2f3b-4d0a-9a55-0c1f6c2b7a10",
)
STEP: dict[str, Any] = {
    "step": "materials-received",
    "note": "材料齐全，符合法定形式；原件已在窗口核对，复印件留存。",
    "files": [{"id": "0f0f0f0f0f0f0f0f", "sha256": "0f" * 32, "size": 482113}],
}
_CONTEXT_FIELDS = {
    name: getattr(CONTEXT, name) for name in ("actor", "principal", "channel", "office", "region", "cause")
}


class MatterOpened(CreatedEvent):
    TOPIC = "benchmark-matter-opened"

    item: str

    def apply(self, aggregate: Matter) -> None:
        aggregate.item = self.item


class StepRecorded(Event):
    TOPIC = "benchmark-step-recorded"

    step: str
    note: str
    files: list[dict[str, Any]]

    def apply(self, aggregate: Matter) -> None:
        aggregate.steps.append(self.step)
        for file in self.files:
            aggregate.files[file["id"]] = file["sha256"]


class Matter(Aggregate, topic="benchmark-matter"):
    def blank(self) -> None:
        self.item = ""
        self.steps: list[str] = []
        self.files: dict[str, str] = {}

    @classmethod
    def open(cls, id: UUID) -> Matter:
        return cls.begin(MatterOpened, CONTEXT, id=id, item="food")

    def record(self) -> None:
        if len(self.steps) > 10_000:
            raise ValueError("no matter has so many steps")
        self.trigger(StepRecorded, CONTEXT, **STEP)


class Matters:
    """The projection of the package's side, told by the page."""

    name = "matters"
    version = 1
    tables = ("matters_timeline_v1", "matters_progress_v1")

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        steps = [
            (r.originator_id, r.originator_version, r.event.timestamp, r.event.step, r.event.office, r.event.note)
            for r in page
            if isinstance(r.event, StepRecorded)
        ]
        if steps:
            await connection.copy_records_to_table("matters_timeline_v1", records=steps)
            newest = {step[0]: (step[0], step[3], step[1], step[2]) for step in steps}
            await connection.execute(_NEWEST, *map(list, zip(*newest.values(), strict=True)))
        return {}


_NEWEST = """
INSERT INTO matters_progress_v1 SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::timestamptz[])
ON CONFLICT (stream_id) DO UPDATE SET step = excluded.step, version = excluded.version, at = excluded.at
"""


class PackageMatter(PackageAggregate):
    @event("Opened")
    def __init__(self, item: str) -> None:
        self.item = item
        self.steps: list[str] = []
        self.files: dict[str, str] = {}

    class StepRecorded(PackageAggregate.Event):
        step: str
        note: str
        files: list[dict[str, Any]]
        actor: str
        principal: str
        channel: str
        office: str
        region: str
        cause: str

    @event(StepRecorded)
    def _record(  # noqa: PLR0917 - the package wants them by name
        self,
        step: str,
        note: str,
        files: list[dict[str, Any]],
        actor: str,
        principal: str,
        channel: str,
        office: str,
        region: str,
        cause: str,
    ) -> None:
        self.steps.append(step)
        for file in files:
            self.files[file["id"]] = file["sha256"]

    def record(self) -> None:
        if len(self.steps) > 10_000:
            raise ValueError("no matter has so many steps")
        self._record(**STEP, **_CONTEXT_FIELDS)
