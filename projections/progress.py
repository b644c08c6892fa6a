"""Progress: one row per case, for the case page, the applicant's list and the worklists of the desks.

The case stream tells most of it; visits, inspections, the evaluation and the complaint of the case add their part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from cases.case_events import CaseReceived
from cases.complaint import ComplaintOpened
from cases.evaluation import CaseEvaluated
from cases.hold import HoldsOpened
from cases.visit import VisitOpened
from eventstore import Event, Recorded
from inspection.events import ArrivedOnSite, InspectionPlanned
from projections.documents import Documents
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.progress_rules import receive, tell
from projections.rows import CaseRow

CASES = Documents("progress_v1", CaseRow)

# Of an inspection, the case shows its steps; what happens inside it is the agenda's.
_STREAMS = frozenset({"case", "visit", "evaluation", "complaint"})
_TOPICS = frozenset(
    topic
    for topic, label in LABELS.items()
    if label.stream in _STREAMS or (label.stream == "inspection" and label.step)
) | {ArrivedOnSite.TOPIC}  # no step, but no time is owed any more


def case_of(event: Event) -> UUID | None:
    """The case of the stream that this event begins; None for later events."""
    match event:
        case CaseReceived():
            return event.originator_id
        case VisitOpened() | InspectionPlanned() | CaseEvaluated() | ComplaintOpened() | HoldsOpened():
            return UUID(event.case)
    return None


class Progress:
    name = "progress"
    version = 1
    tables = ("progress_v1", "progress_stream_v1")

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if recorded.topic in _TOPICS]
        if not relevant:
            return {}
        case_ids = await self._find_cases(connection, relevant)
        cases = await CASES.load(connection, set(case_ids.values()))
        for recorded in relevant:
            if isinstance(recorded.event, CaseReceived):
                cases[recorded.originator_id] = receive(recorded, recorded.event)
                continue
            row = cases.get(case_ids.get(recorded.originator_id, recorded.originator_id))
            if row is None:
                raise MissingRowError(self.name, recorded.originator_id)
            tell(row, recorded)
        await CASES.save(connection, cases)
        return {row.id: row.position for row in cases.values()}

    async def _find_cases(self, connection: Any, page: Sequence[Recorded]) -> dict[UUID, UUID]:
        """The case of each stream of the page; streams that begin in it are remembered."""
        begun = {r.originator_id: case_id for r in page if (case_id := case_of(r.event)) is not None}
        known = await connection.fetch(
            "SELECT id, case_id FROM progress_stream_v1 WHERE id = ANY($1::uuid[])",
            list({r.originator_id for r in page} - begun.keys()),
        )
        if begun:
            await connection.execute(
                "INSERT INTO progress_stream_v1 (id, case_id) SELECT * FROM unnest($1::uuid[], $2::uuid[])"
                " ON CONFLICT (id) DO UPDATE SET case_id = excluded.case_id",
                list(begun),
                list(begun.values()),
            )
        return {row["id"]: row["case_id"] for row in known} | begun
