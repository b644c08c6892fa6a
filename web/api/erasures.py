"""Erasing a person's data, and the holds that keep it: asked for by one administrator, answered by another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from cases import commands as c
from cases.clock import office_day
from cases.permissions import Subject, may
from cases.retention import DECIDED, INSPECTED, RULES
from projections.complaints import find_complaint
from projections.erasures import ErasureRow, HoldRow, HoldsRow, asked_releases, holds_of, list_erasures
from projections.rows import CaseRow
from projections.worklists import Filter, find_case_by_number, find_cases, list_cases
from web.abilities import subject_of_case
from web.auth import PHONE, plain_number
from web.call import Call
from web.observe import audit
from web.opened import Opened, open_some
from web.routing import STAFF, Routes
from web.views_erasure import (
    AskedRelease,
    CaseBrief,
    ErasableCase,
    ErasureList,
    ErasureView,
    FoundPerson,
    HoldView,
)

routes = Routes("erasures")
_MOST = 500
_CLOSED = {"granted", "refused", "not-accepted", "withdrawn"}
_BY_ONE = ("ApproveErasure", "DeclineErasure")


class FindPerson(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """words: a telephone or a whole case number. In the body, so that no address, and so no log, holds it."""

    words: Annotated[str, Meta(min_length=1, max_length=60)]


for _path, _command, _summary in (
    ("/erasures", c.RequestErasure, "Ask for the erasure of a person's data"),
    ("/erasures/{erasure_id}/approve", c.ApproveErasure, "Approve an erasure that another asked for"),
    ("/erasures/{erasure_id}/decline", c.DeclineErasure, "Decline an erasure"),
    ("/cases/{case_id}/holds", c.PlaceHold, "Keep the papers of a case"),
    ("/cases/{case_id}/holds/request-release", c.RequestHoldRelease, "Ask for the release of a hold"),
    ("/cases/{case_id}/holds/release", c.ReleaseHold, "Agree to a release that another asked for"),
    ("/cases/{case_id}/holds/decline-release", c.DeclineHoldRelease, "Keep the hold after all"),
):
    routes.command(_path, _command, who=STAFF, summary=_summary)


@routes.get(
    "/erasures", answer=ErasureList, who=STAFF, asks="ViewErasures",
    summary="Erasures of the region, and releases of holds that wait for a second person",
)  # fmt: skip
async def get_erasures(call: Call) -> ErasureList:
    pool, region = call.services.pool, call.actor.region
    rows = call.visible(await list_erasures(pool, region), _subject)
    waiting = call.visible(await asked_releases(pool, region), _subject)
    ids = {id for row in rows for id in (*row.cases, *map(UUID, row.left))} | {row.case_id for row in waiting}
    cases = await find_cases(pool, list(ids))
    holders = [holder for row in rows for holder in (row.asked_by, row.decided_by)]
    holders += [hold.asked_by for row in waiting for hold in row.holds]
    opened = await open_some(call.services, (), holders)
    return ErasureList(
        erasures=[_erasure(call, row, cases, opened) for row in rows],
        releases=[
            AskedRelease(
                case=_brief(row.case_id, cases),
                hold=_hold(call, hold, opened),
                may=[] if hold.asked_by == call.actor.id else ["ReleaseHold", "DeclineHoldRelease"],
            )
            for row in waiting
            for hold in row.holds
            if hold.asked_by and not hold.released_by
        ],
    )


@routes.post(
    "/erasures/find", body=FindPerson, answer=FoundPerson, who=STAFF, asks="ViewErasures",
    summary="Whose data would be erased: by telephone or case number",
)  # fmt: skip
async def find_person(call: Call, body: FindPerson) -> FoundPerson:
    call.permit(Subject(office=call.actor.office, region=call.actor.region))
    person, chosen = await _find(call, body.words.strip())
    audit.info("looked for a person", extra={"actor": call.actor.id, "found": str(person or "")})
    if person is None:
        return FoundPerson(person=None, cases=[], chosen=None, elsewhere=0)
    page = await list_cases(call.services.pool, Filter(applicant=f"person:{person}"), order="newest", limit=_MOST)
    shown = call.visible(page.cases, subject_of_case)
    held = await holds_of(call.services.pool, [case.id for case in shown])
    opened = await open_some(call.services, (), [h.asked_by for row in held.values() for h in row.holds])
    return FoundPerson(
        person=person,
        cases=[await _erasable(call, case, held.get(case.id), opened) for case in shown],
        chosen=chosen,
        elsewhere=page.total - len(shown),
    )


async def _find(call: Call, words: str) -> tuple[UUID | None, UUID | None]:
    """Whose telephone or case it is, and the case; a case of another region is not there."""
    digits = plain_number(words)
    if PHONE.fullmatch(digits):
        return await call.services.store.vault.find("phone", digits), None
    case = await find_case_by_number(call.services.pool, words)
    if case is None or not may(call.actor, "ViewErasures", subject_of_case(case)):
        return None, None
    return UUID(case.applicant.removeprefix("person:")), case.id


def _subject(row: ErasureRow | HoldsRow) -> Subject:
    return Subject(office=row.office, region=row.region)


async def _erasable(call: Call, case: CaseRow, held: HoldsRow | None, opened: Opened) -> ErasableCase:
    holds = [_hold(call, hold, opened) for hold in held.holds] if held else []
    return ErasableCase(
        id=case.id,
        number=case.number,
        item_name=call.services.catalogue.version(case.item, case.item_version).name,
        status=case.status,
        received_at=case.received_at,
        why=await _why(call, case, holds),
        holds=holds,
    )


async def _why(call: Call, case: CaseRow, holds: Sequence[HoldView]) -> str:
    """As the command will find it; the command asks the record itself."""
    if case.erased_at is not None:
        return "erased"
    complaint = await find_complaint(call.services.pool, case.complaint) if case.complaint else None
    if case.status not in _CLOSED or (complaint and complaint.status not in ("solved", "decided")):
        return "open"
    kept = {DECIDED.basis} if case.decision else set()
    kept |= {INSPECTED.basis for link in case.inspections if link.stage in ("ended", "sealed")}
    unplaced = kept - {hold.basis for hold in holds}
    return "held" if unplaced or any(hold.stands for hold in holds) else ""


def _hold(call: Call, hold: HoldRow, opened: Opened) -> HoldView:
    rule = RULES.get(hold.basis)
    return HoldView(
        hold=hold.hold,
        basis=hold.basis,
        until=hold.until,
        stands=hold.stands(office_day(call.services.clock())),
        by_rule=rule is not None,
        confirmed=rule is None or rule.confirmed,
        placed_by=opened.who(hold.placed_by),
        placed_at=hold.placed_at,
        asked_by=opened.person(hold.asked_by) if hold.asked_by else None,
        ground=hold.ground,
    )


def _erasure(call: Call, row: ErasureRow, cases: Mapping[UUID, CaseRow], opened: Opened) -> ErasureView:
    answers = row.status == "requested" and row.asked_by != call.actor.id
    return ErasureView(
        id=row.id,
        status=row.status,
        whole=row.whole,
        basis=row.basis,
        cases=[_brief(id, cases) for id in row.cases],
        left=[_brief(UUID(id), cases, why) for id, why in row.left.items()],
        asked_by=opened.person(row.asked_by),
        asked_at=row.asked_at,
        decided_by=opened.person(row.decided_by) if row.decided_by else None,
        decided_at=row.decided_at,
        ground=row.ground,
        done_at=row.done_at,
        keys=row.keys,
        entries=row.entries,
        files=row.files,
        recordings=row.recordings,
        forgotten=row.forgotten,
        may=_offered(call, _BY_ONE, row) if answers else [],
    )


def _offered(call: Call, actions: Iterable[str], row: Any) -> list[str]:
    return [action for action in actions if may(call.actor, action, _subject(row))]


def _brief(id: UUID, cases: Mapping[UUID, CaseRow], why: str = "") -> CaseBrief:
    return CaseBrief(id=id, number=cases[id].number if id in cases else str(id), why=why)
