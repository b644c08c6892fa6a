"""Erasures and legal holds, for the administrators who ask, answer and look after them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from cases import erasure as on_erasure
from cases import hold as on_hold
from eventstore import Recorded
from projections.documents import Documents
from projections.errors import MissingRowError
from projections.labels import LABELS
from projections.rows import Row


class ErasureRow(Row, kw_only=True):
    """left: case → why it stays. decided_by: who approved or declined; files, recordings: how many."""

    id: UUID
    opened: int
    position: int
    status: Literal["requested", "approved", "declined", "erased", "held-back"]
    person: UUID
    whole: bool
    basis: str
    cases: list[UUID]
    left: dict[str, str]
    office: str
    region: str
    asked_by: str
    asked_at: datetime
    decided_by: str = ""
    decided_at: datetime | None = None
    ground: str = ""
    done_at: datetime | None = None
    keys: int = 0
    entries: int = 0
    files: int = 0
    recordings: int = 0
    forgotten: bool = False


class HoldRow(Row, kw_only=True):
    """until: ISO date or empty. asked_by: who asked for its release, while that waits or once it was agreed to."""

    hold: int
    basis: str
    until: str
    placed_by: str
    placed_at: datetime
    asked_by: str = ""
    ground: str = ""
    released_by: str = ""

    def stands(self, today: date) -> bool:
        return not self.released_by and (not self.until or date.fromisoformat(self.until) >= today)


class HoldsRow(Row, kw_only=True):
    """asked: whether a release waits for a second person."""

    id: UUID
    case_id: UUID
    position: int
    office: str
    region: str
    holds: list[HoldRow] = []
    asked: bool = False


ERASURES = Documents("erasures_v1", ErasureRow)
HOLDS = Documents("holds_v1", HoldsRow)


class Erasures:
    name = "erasures"
    version = 1
    tables = ("erasures_v1", "holds_v1")

    async def apply(self, connection: Any, page: Sequence[Recorded]) -> Mapping[UUID, int]:
        relevant = [recorded for recorded in page if LABELS[recorded.topic].stream in ("erasure", "holds")]
        if not relevant:
            return {}
        ids = {recorded.originator_id for recorded in relevant}
        erasures, holds = await ERASURES.load(connection, ids), await HOLDS.load(connection, ids)
        for recorded in relevant:
            match recorded.event:
                case on_erasure.ErasureRequested() as event:
                    erasures[recorded.originator_id] = _request(recorded, event)
                case on_hold.HoldsOpened() as event:
                    holds[recorded.originator_id] = _open(recorded, event)
                case _ if recorded.originator_id in erasures:
                    _tell(erasures[recorded.originator_id], recorded)
                case _ if recorded.originator_id in holds:
                    _tell_hold(holds[recorded.originator_id], recorded)
                case _:
                    raise MissingRowError(self.name, recorded.originator_id)
        await ERASURES.save(connection, erasures)
        await HOLDS.save(connection, holds)
        return {row.id: row.position for row in erasures.values()}


def _request(recorded: Recorded, event: on_erasure.ErasureRequested) -> ErasureRow:
    return ErasureRow(
        id=recorded.originator_id,
        opened=recorded.position,
        position=recorded.position,
        status="requested",
        person=UUID(event.person),
        whole=event.whole,
        basis=event.basis,
        cases=[UUID(case) for case in event.cases],
        left={one["case"]: one["why"] for one in event.left},
        office=event.office,
        region=event.region,
        asked_by=event.actor,
        asked_at=event.timestamp,
    )


def _tell(row: ErasureRow, recorded: Recorded) -> None:
    row.position = recorded.position
    match recorded.event:
        case on_erasure.ErasureApproved() as event:
            row.status, row.decided_by, row.decided_at = "approved", event.actor, event.timestamp
        case on_erasure.ErasureDeclined() as event:
            row.status, row.decided_by, row.decided_at = "declined", event.actor, event.timestamp
            row.ground = event.ground
        case on_erasure.ErasureHeldBack() as event:
            row.status, row.done_at, row.cases = "held-back", event.timestamp, []
            row.left |= {one["case"]: one["why"] for one in event.left}
        case on_erasure.PersonalDataErased() as event:
            row.status, row.done_at = "erased", event.timestamp
            row.cases = [UUID(case) for case in event.cases]
            row.left |= {one["case"]: one["why"] for one in event.left}
            row.keys, row.entries, row.forgotten = event.keys, event.entries, event.forgotten
            row.files, row.recordings = len(event.files), len(event.recordings)


def _open(recorded: Recorded, event: on_hold.HoldsOpened) -> HoldsRow:
    return HoldsRow(
        id=recorded.originator_id,
        case_id=UUID(event.case),
        position=recorded.position,
        office=event.office,
        region=event.region,
    )


def _tell_hold(row: HoldsRow, recorded: Recorded) -> None:
    row.position = recorded.position
    match recorded.event:
        case on_hold.HoldPlaced() as event:
            row.holds.append(
                HoldRow(
                    hold=event.hold, basis=event.basis, until=event.until, placed_by=event.actor,
                    placed_at=event.timestamp,
                )
            )  # fmt: skip
        case on_hold.HoldReleaseRequested() as event:
            hold = row.holds[event.hold - 1]
            hold.asked_by, hold.ground = event.actor, event.ground
        case on_hold.HoldReleaseDeclined() as event:
            hold = row.holds[event.hold - 1]
            hold.asked_by, hold.ground = "", ""
        case on_hold.HoldReleased() as event:
            row.holds[event.hold - 1].released_by = event.actor
    row.asked = any(hold.asked_by and not hold.released_by for hold in row.holds)


async def list_erasures(pool: Any, region: str) -> list[ErasureRow]:
    """Of the region and all that it contains, newest first."""
    rows = await pool.fetch(
        "SELECT document::text AS document FROM projections.erasures_v1 WHERE starts_with(region, $1)"
        " ORDER BY opened DESC LIMIT 500",
        region,
    )
    return [ERASURES.read(row) for row in rows]


async def holds_of(pool: Any, cases: Iterable[UUID]) -> dict[UUID, HoldsRow]:
    rows = await pool.fetch(
        "SELECT document::text AS document FROM projections.holds_v1 WHERE case_id = ANY($1::uuid[])", list(cases)
    )
    return {row.case_id: row for row in map(HOLDS.read, rows)}


async def asked_releases(pool: Any, region: str) -> list[HoldsRow]:
    """Holds whose release waits for a second person."""
    rows = await pool.fetch(
        "SELECT document::text AS document FROM projections.holds_v1 WHERE asked AND starts_with(region, $1)", region
    )
    return [HOLDS.read(row) for row in rows]
