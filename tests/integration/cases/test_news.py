"""Messages follow the record: each piece of news once, to the contact of the case."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from cases import commands as c
from cases.case import Case
from cases.catalogue import shipped
from cases.news import news_policies
from cases.permissions import Role
from cases.policies import PolicyRunner
from eventstore import EventStore
from eventstore.tracking import PostgresTracking
from tests.builders import FilesOf, actor, uid
from tests.database import Database
from tests.integration.cases.test_story import PHONE, ROOT, Town


class Phone:
    """A messenger whose messages are read here."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    async def send(self, phone: str, text: str) -> None:
        self.messages.append((phone, text))


@pytest.fixture
async def town(store: EventStore) -> Town:
    applicant = f"person:{await store.vault.subject('phone', PHONE)}"
    town = Town(store, actor(applicant, Role.APPLICANT, office="", region="", channel="phone"), FilesOf(applicant))
    await town.do(
        ROOT, c.EstablishOffice(code="qd-shinan", name="局", name_en="Bureau", region="370202", level="district")
    )
    for name in ("officer", "reviewer", "complaints"):
        await appoint(town, name)
    return town


async def appoint(town: Town, name: str) -> None:
    role: Any = "officer" if name == "colleague" else name
    await town.do(
        ROOT,
        c.AppointStaff(
            office="qd-shinan", staff_id=uid(name), name=f"王{name}", post="专员", post_en="Officer", roles=[role]
        ),
    )


@asynccontextmanager
async def telling(town: Town, database: Database, phone: Phone) -> AsyncIterator[PolicyRunner]:
    tracking = await PostgresTracking.open(database.service_url)
    policies = news_policies(
        store=town.store,
        catalogue=shipped(),
        messenger=phone,
        base_url="https://ban.example/",
        clock=lambda: town.now,
    )
    runner = PolicyRunner(town.store, town.dispatcher, policies, tracking=tracking)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await tracking.close()


async def told(town: Town, runner: PolicyRunner) -> None:
    async with asyncio.timeout(15):
        await runner.passed(await town.store.head())


async def accepted(town: Town) -> UUID:
    case_id = await town.file(layout=town.files.upload())
    await town.do(town.staff("officer"), c.AcceptCase(case_id=case_id))
    return case_id


async def test_a_notice_and_a_decision_each_send_one_message_also_after_a_restart(
    town: Town, database: Database
) -> None:
    phone = Phone()
    case_id = await town.file()
    async with telling(town, database, phone) as runner:
        gap = c.Gap(target="layout", what="请补交布局图")
        await town.do(town.staff("officer"), c.IssueGapNotice(case_id=case_id, gaps=[gap]))
        await told(town, runner)
    material = c.SuppliedMaterial(material="layout", attachments=[town.files.upload()])
    await town.do(town.applicant, c.SupplementCase(case_id=case_id, materials=[material]))
    await town.do(town.staff("officer"), c.AcceptCase(case_id=case_id))
    await town.inspect(case_id)
    async with telling(town, database, phone) as runner:
        await town.do(town.staff("reviewer"), c.DecideCase(case_id=case_id, granted=True, reasons="符合条件"))
        await told(town, runner)
    async with telling(town, database, phone) as runner:
        await told(town, runner)
    number = (await town.store.get(Case, case_id)).number
    assert {to for to, _ in phone.messages} == {PHONE}
    assert all(text.endswith(f"https://ban.example/cases/{number}") for _, text in phone.messages)
    notice, acceptance, decision = (text for _, text in phone.messages)
    assert "需要补正，共1项" in notice
    assert "布局图" not in notice
    assert "已受理" in acceptance
    assert "已准予许可" in decision


async def test_a_handover_names_the_colleague_who_took_over(town: Town, database: Database) -> None:
    phone = Phone()
    case_id = await accepted(town)
    await appoint(town, "colleague")
    await town.do(town.staff("officer"), c.RequestHandover(case_id=case_id, to=uid("colleague"), note="出差"))
    await town.do(town.staff("colleague"), c.AcceptHandover(case_id=case_id))
    async with telling(town, database, phone) as runner:
        await told(town, runner)
    assert "陪伴人已更换为王colleague" in phone.messages[-1][1]


async def test_an_answered_complaint_is_told(town: Town, database: Database) -> None:
    phone = Phone()
    case_id = await accepted(town)
    await town.inspect(case_id)
    await town.do(town.staff("reviewer"), c.DecideCase(case_id=case_id, granted=True, reasons="符合条件"))
    rated = await town.do(town.applicant, c.EvaluateCase(case_id=case_id, level=1, comment="等得太久"))
    evaluation = UUID(rated.answer["evaluation_id"])
    opened = await town.do(ROOT, c.OpenComplaint(case_id=case_id, evaluation_id=evaluation))
    complaint = UUID(opened.answer["complaint_id"])
    await town.do(town.staff("complaints"), c.AnswerComplaint(complaint_id=complaint, reply="已整改"))
    async with telling(town, database, phone) as runner:
        await told(town, runner)
    assert "诉求已有答复" in phone.messages[-1][1]
    assert "已整改" not in phone.messages[-1][1]


async def test_what_is_older_than_a_day_is_not_sent_any_more(town: Town, database: Database) -> None:
    phone = Phone()
    await accepted(town)
    town.now += timedelta(days=1, minutes=1)
    async with telling(town, database, phone) as runner:
        await told(town, runner)
    assert phone.messages == []
