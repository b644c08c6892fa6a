"""Queries on the progress of cases: one case, an applicant's cases, the lists of the desks and of oversight."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from projections.progress import CASES
from projections.rows import CaseRow

_COLUMNS = "document::text AS document"

_WANTED = """
    ($1 = '' OR applicant = $1) AND ($2 = '' OR companion = $2 OR handover_to = $2)
    AND ($3 = '' OR office = $3) AND starts_with(region, $4)
    AND (cardinality($5::text[]) = 0 OR status = ANY($5))
    AND (NOT $6 OR starts_with(number, upper($7)) OR item = ANY($8::text[]) OR applicant = ANY($9::text[]))
"""

# What waits for the office comes first, then by the promised day; cases without a day come after those that have one.
_ORDERS = {
    "urgent": "needs = 'office' DESC, needs = 'applicant' DESC, ends ASC NULLS LAST, opened ASC",
    "newest": "opened DESC",
}


@dataclass(frozen=True, kw_only=True)
class Search:
    """What was typed into a search box, already understood: any of these may fit.

    number: beginning of a case number; items: codes that the catalogue found for the words; applicants: persons
    whose phone it is.
    """

    number: str = ""
    items: tuple[str, ...] = ()
    applicants: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Filter:
    """Conditions hold together; an empty one does not restrict.

    companion: his cases, and those that he was asked to take over; region: code of the region that contains them.
    """

    applicant: str = ""
    companion: str = ""
    office: str = ""
    region: str = ""
    statuses: tuple[str, ...] = ()
    search: Search | None = None

    def arguments(self) -> list[Any]:
        search = self.search or Search()
        # An empty number is the beginning of every number.
        number = search.number or "-"
        return [
            self.applicant,
            self.companion,
            self.office,
            self.region,
            list(self.statuses),
            self.search is not None,
            number,
            list(search.items),
            list(search.applicants),
        ]


@dataclass(frozen=True)
class CasePage:
    """total: of all that fit, shown here or not."""

    cases: list[CaseRow]
    total: int


async def find_case(pool: Any, id: UUID) -> CaseRow | None:
    row = await pool.fetchrow(f"SELECT {_COLUMNS} FROM projections.progress_v1 WHERE id = $1", id)  # noqa: S608 - constants
    return CASES.read(row) if row else None


async def find_case_by_number(pool: Any, number: str) -> CaseRow | None:
    row = await pool.fetchrow(
        f"SELECT {_COLUMNS} FROM projections.progress_v1 WHERE number = upper($1)",  # noqa: S608 - constants
        number,
    )
    return CASES.read(row) if row else None


async def find_case_of(pool: Any, stream: UUID) -> CaseRow | None:
    """The case that a stream (visit, inspection, evaluation, complaint, or itself) belongs to."""
    row = await pool.fetchrow(
        f"SELECT {_COLUMNS} FROM projections.progress_v1"  # noqa: S608 - constants
        " WHERE id = (SELECT case_id FROM projections.progress_stream_v1 WHERE id = $1)",
        stream,
    )
    return CASES.read(row) if row else None


async def find_cases(pool: Any, ids: list[UUID]) -> dict[UUID, CaseRow]:
    rows = await pool.fetch(f"SELECT {_COLUMNS} FROM projections.progress_v1 WHERE id = ANY($1::uuid[])", ids)  # noqa: S608 - constants
    return {case.id: case for case in map(CASES.read, rows)}


async def list_cases(
    pool: Any,
    wanted: Filter,
    *,
    order: Literal["urgent", "newest"] = "urgent",
    limit: int = 50,
    offset: int = 0,
) -> CasePage:
    """Those that fit, in order. `newest` is for applicants and oversight, `urgent` for those who work on them."""
    arguments = wanted.arguments()
    rows = await pool.fetch(
        f"SELECT {_COLUMNS} FROM projections.progress_v1 WHERE {_WANTED}"  # noqa: S608 - constants
        f" ORDER BY {_ORDERS[order]} LIMIT $10 OFFSET $11",
        *arguments,
        limit,
        offset,
    )
    total = await pool.fetchval(f"SELECT count(*) FROM projections.progress_v1 WHERE {_WANTED}", *arguments)  # noqa: S608 - constants
    return CasePage([CASES.read(row) for row in rows], total)


async def count_by_status(pool: Any, wanted: Filter) -> dict[str, int]:
    rows = await pool.fetch(
        f"SELECT status, count(*) AS cases FROM projections.progress_v1 WHERE {_WANTED}"  # noqa: S608 - constants
        " GROUP BY status ORDER BY status",
        *wanted.arguments(),
    )
    return {row["status"]: row["cases"] for row in rows}
