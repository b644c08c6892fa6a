"""One case on the real record: filed, noticed, supplemented, accepted, handed over, inspected, decided, rated badly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from cases import commands as c
from cases.case import Case, CaseReceived, Status
from cases.catalogue import shipped
from cases.complaint import Complaint
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.errors import InvalidInputError, MissingError, NotPermittedError, WrongStateError
from cases.handlers import case_handlers
from cases.permissions import Actor, Role
from cases.policies import POLICIES, PolicyRunner
from eventstore import EventStore, Outcome
from eventstore.tracking import PostgresTracking
from tests.builders import MONDAY, FilesOf, actor, application, uid
from tests.database import Database

ROOT = Actor(id="system:setup", roles=frozenset({Role.SYSTEM}), channel="cli")
ROBOT = Actor(id="system:inspection", roles=frozenset({Role.SYSTEM}), channel="system")
PHONE = "13800138000"


@dataclass
class Town:
    """Two offices and their people, on a real store; `now` is the clock that everybody reads."""

    store: EventStore
    applicant: Actor
    files: FilesOf
    directory: Directory = field(default_factory=Directory)
    now: datetime = MONDAY

    def __post_init__(self) -> None:
        handlers = case_handlers(self.directory, self.files)
        self.dispatcher = Dispatcher(self.store, handlers, shipped(), lambda: self.now)

    async def do(self, who: Actor, command: c.Command, command_id: UUID | None = None) -> Outcome:
        """Each command a minute after the last; the directory has read what came of it."""
        self.now += timedelta(minutes=1)
        outcome = await self.dispatcher.handle(who, command, command_id or uuid4())
        await self.directory.load(self.store)
        return outcome

    def staff(self, name: str) -> Actor:
        return self.directory.actor(uid(name), "desk")

    async def file(self, **materials: UUID) -> UUID:
        supplied = {material: [id] for material, id in materials.items()}
        outcome = await self.do(self.applicant, application(materials=supplied))
        return UUID(outcome.answer["case_id"])

    async def companion_of(self, case_id: UUID) -> Actor:
        case = await self.store.get(Case, case_id)
        return self.directory.actor(UUID(case.companion.removeprefix("staff:")), "desk")

    async def inspect(self, case_id: UUID) -> None:
        for stage, outcome in (("planned", ""), ("ended", "passed"), ("sealed", "passed")):
            note: dict[str, Any] = {"stage": stage, "outcome": outcome, "mode": "remote"}
            await self.do(ROBOT, c.NoteInspection(case_id=case_id, inspection_id=uid("inspection"), **note))

    async def topics(self, id: UUID) -> list[str]:
        return [recorded.topic for recorded in await self.store.events(id)]


@pytest.fixture
async def town(store: EventStore) -> Town:
    applicant = f"person:{await store.vault.subject('phone', PHONE)}"
    town = Town(store, actor(applicant, Role.APPLICANT, office="", region="", channel="phone"), FilesOf(applicant))
    office: dict[str, Any] = {"name": "行政审批服务局", "name_en": "Approval bureau"}
    await town.do(ROOT, c.EstablishOffice(code="qd", region="3702", level="city", **office))
    await town.do(ROOT, c.EstablishOffice(code="qd-shinan", region="370202", level="district", parent="qd", **office))
    people: dict[str, tuple[str, list[Any]]] = {
        "officer": ("qd-shinan", ["officer"]),
        "colleague": ("qd-shinan", ["officer"]),
        "reviewer": ("qd-shinan", ["reviewer"]),
        "complaints": ("qd-shinan", ["complaints"]),
        "city complaints": ("qd", ["complaints"]),
        "mayor": ("qd", ["head"]),
    }
    for name, (code, roles) in people.items():
        post: dict[str, Any] = {"name": f"王{name}", "post": "专员", "post_en": "Officer"}
        await town.do(ROOT, c.AppointStaff(office=code, staff_id=uid(name), roles=roles, **post))
    return town


@pytest.fixture
async def reactions(town: Town, database: Database) -> AsyncIterator[PolicyRunner]:
    tracking = await PostgresTracking.open(database.service_url)
    runner = PolicyRunner(town.store, town.dispatcher, POLICIES, tracking=tracking)
    task = asyncio.create_task(runner.run())
    yield runner
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await tracking.close()


async def decided_badly_rated(town: Town) -> tuple[UUID, Outcome]:
    case_id = await town.file(layout=town.files.upload())
    await town.do(await town.companion_of(case_id), c.AcceptCase(case_id=case_id))
    await town.inspect(case_id)
    await town.do(town.staff("reviewer"), c.DecideCase(case_id=case_id, granted=True, reasons="符合条件"))
    rated = await town.do(town.applicant, c.EvaluateCase(case_id=case_id, level=1, comment="等得太久"))
    return case_id, rated


async def test_a_case_goes_from_filing_to_decision(town: Town) -> None:
    case_id = await town.file()
    first = await town.companion_of(case_id)
    second = town.staff("colleague" if first.id == town.staff("officer").id else "officer")
    gap = c.Gap(target="layout", what="请补交布局图")
    await town.do(first, c.IssueGapNotice(case_id=case_id, gaps=[gap]))
    material = c.SuppliedMaterial(material="layout", attachments=[town.files.upload()])
    supplied = await town.do(town.applicant, c.SupplementCase(case_id=case_id, materials=[material]))
    assert supplied.answer["outstanding"] == []
    await town.do(first, c.AcceptCase(case_id=case_id))
    to = UUID(second.id.removeprefix("staff:"))
    await town.do(first, c.RequestHandover(case_id=case_id, to=to, note="出差"))
    await town.do(second, c.AcceptHandover(case_id=case_id))
    await town.inspect(case_id)
    await town.do(town.staff("reviewer"), c.DecideCase(case_id=case_id, granted=True, reasons="符合条件"))
    assert await town.topics(case_id) == [
        "case-received",
        "companion-assigned",
        "gap-notice-issued",
        "case-supplemented",
        "case-accepted",
        "handover-requested",
        "handover-accepted",
        "companion-assigned",
        "inspection-noted",
        "inspection-noted",
        "inspection-noted",
        "case-decided",
    ]
    case = await town.store.get(Case, case_id)
    assert (case.status, case.companion) == (Status.GRANTED, second.id)


async def test_personal_values_are_in_the_vault_and_nowhere_in_the_record(town: Town) -> None:
    """3d-7."""
    case_id = await town.file(layout=town.files.upload(name="王五的店.jpg"))
    received = (await town.store.events(case_id))[0].event
    assert isinstance(received, CaseReceived)
    for personal in (PHONE, "海风小馆", "香港中路", "王五"):
        assert personal not in str(vars(received))
    assert received.form["district"] == "市南区"
    opened = await town.store.vault.open([received.contact["ref"]])
    assert opened == {received.contact["ref"]: PHONE}


async def test_the_same_application_sent_twice_is_one_case(town: Town) -> None:
    command, command_id = application(), uuid4()
    first = await town.do(town.applicant, command, command_id)
    again = await town.do(town.applicant, command, command_id)
    assert again.answer == first.answer
    assert again.replayed


async def test_somebody_elses_file_is_not_taken(town: Town) -> None:
    with pytest.raises(MissingError):
        await town.file(layout=uuid4())
    assert await town.store.head() == (await town.store.page(0, 1000))[-1].position
    assert not any(recorded.topic == "case-received" for recorded in await town.store.page(0, 1000))


async def test_what_the_companion_supplements_at_the_counter_is_done_for_the_applicant(town: Town) -> None:
    """R4: every event tells the actor from the principal."""
    case_id = await town.file()
    companion = await town.companion_of(case_id)
    gap = c.Gap(target="name", what="名称与营业执照不一致")
    await town.do(companion, c.IssueGapNotice(case_id=case_id, gaps=[gap]))
    await town.do(companion, c.SupplementCase(case_id=case_id, form={"name": "海风餐饮有限公司"}))
    supplemented = (await town.store.events(case_id))[-1].event
    assert (supplemented.actor, supplemented.principal) == (companion.id, town.applicant.id)


async def test_a_notice_asks_for_nothing_that_the_office_obtains_itself(town: Town) -> None:
    """3a-25."""
    case_id = await town.file()
    companion = await town.companion_of(case_id)
    with pytest.raises(InvalidInputError, match="not right"):
        gap = c.Gap(target="business-licence", what="请交营业执照")
        await town.do(companion, c.IssueGapNotice(case_id=case_id, gaps=[gap]))


async def test_the_directory_follows_the_record_and_counts_nothing_twice(town: Town) -> None:
    followed = Directory()
    task = asyncio.create_task(followed.keep(town.store))
    await town.file()
    await followed.load(town.store)
    await town.file()
    await followed.load(town.store)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    names = ("officer", "colleague")
    assert [followed.open_cases(uid(name)) for name in names] == [
        town.directory.open_cases(uid(name)) for name in names
    ]
    assert followed.position == town.directory.position


async def test_a_stranger_and_another_office_may_not_touch_the_case(town: Town) -> None:
    case_id = await town.file()
    stranger = actor(f"person:{uuid4()}", Role.APPLICANT)
    with pytest.raises(NotPermittedError):
        await town.do(stranger, c.WithdrawCase(case_id=case_id, reason="玩笑"))
    with pytest.raises(NotPermittedError):
        await town.do(town.staff("reviewer"), c.AcceptCase(case_id=case_id))


async def test_two_officers_who_act_at_once_leave_one_result(town: Town) -> None:
    case_id = await town.file(layout=town.files.upload())
    officer = await town.companion_of(case_id)
    results = await asyncio.gather(
        town.do(officer, c.AcceptCase(case_id=case_id)),
        town.do(officer, c.RefuseAcceptance(case_id=case_id, reason="不属本机关")),
        return_exceptions=True,
    )
    assert sorted(type(result).__name__ for result in results) == ["Outcome", "WrongStateError"]


async def test_cases_are_shared_out_among_the_officers_on_duty(town: Town) -> None:
    for _ in range(4):
        await town.file()
    assert [town.directory.open_cases(uid(name)) for name in ("officer", "colleague")] == [2, 2]


async def test_a_return_visit_needs_no_second_number_and_keeps_the_officer(town: Town) -> None:
    """R3."""
    case_id = await town.file()
    first = await town.do(town.applicant, c.OpenReturnVisit(case_id=case_id))
    again = await town.do(town.staff("officer"), c.OpenReturnVisit(case_id=case_id))
    assert again.answer == first.answer
    companion = await town.companion_of(case_id)
    assert first.answer["officer"] == companion.id
    visit_id = UUID(first.answer["visit_id"])
    await town.do(companion, c.CloseReturnVisit(visit_id=visit_id, outcome="已补图"))
    later = await town.do(town.applicant, c.OpenReturnVisit(case_id=case_id))
    assert later.answer["visit_id"] != first.answer["visit_id"]


async def test_a_bad_real_named_rating_opens_a_complaint_by_itself(town: Town, reactions: PolicyRunner) -> None:
    """R14, R16, 3c-2."""
    case_id, rated = await decided_badly_rated(town)
    await reactions.passed(rated.position)
    opened = [recorded for recorded in await town.store.page(0, 1000) if recorded.topic == "complaint-opened"]
    assert len(opened) == 1
    event = opened[0].event
    assert event.actor == "system:bad-rating-opens-complaint"
    assert event.cause == f"event:{rated.answer['evaluation_id']}@1"
    complaint = await town.store.get(Complaint, opened[0].originator_id)
    assert (complaint.case, complaint.office) == (case_id, "qd-shinan")


async def test_an_unsolved_complaint_moves_up_and_out_of_reach_of_the_lower_unit(
    town: Town, reactions: PolicyRunner
) -> None:
    """R15."""
    _, rated = await decided_badly_rated(town)
    await reactions.passed(rated.position)
    page = await town.store.page(0, 1000)
    complaint_id = next(recorded.originator_id for recorded in page if recorded.topic == "complaint-opened")
    below, above = town.staff("complaints"), town.staff("city complaints")
    answer = c.AnswerComplaint(complaint_id=complaint_id, reply="已加派人手")
    await town.do(below, answer)
    await town.do(below, c.RecordCallback(complaint_id=complaint_id, result="not-reached"))
    escalated = await town.do(below, c.RecordCallback(complaint_id=complaint_id, result="unsolved", note="仍不满意"))
    assert escalated.answer["status"] == "escalated"
    with pytest.raises(NotPermittedError):
        await town.do(below, answer)
    await town.do(above, answer)
    await town.do(above, c.RecordCallback(complaint_id=complaint_id, result="unsolved"))
    await town.do(town.staff("mayor"), c.DecideComplaint(complaint_id=complaint_id, decision="已致歉", told_by="phone"))
    assert (await town.store.get(Complaint, complaint_id)).status == "decided"


async def test_a_case_is_rated_once(town: Town) -> None:
    """3c-1."""
    case_id, _ = await decided_badly_rated(town)
    with pytest.raises(WrongStateError):
        await town.do(town.applicant, c.EvaluateCase(case_id=case_id, level=5))
