"""A small office with an accepted case, on a real record: what inspections need around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from cases import commands as c
from cases.catalogue import shipped
from cases.commands import Command
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.handlers import case_handlers
from cases.permissions import Actor, Role
from eventstore import EventStore, Place
from inspection import commands as i
from inspection.handlers import inspection_handlers
from inspection.inspection import Inspection
from inspection.notice import CURRENT
from tests.builders import RESTAURANT, FilesOf, form_values, uid

PHONE = "13800138000"
SETUP = Actor(id="system:setup", roles=frozenset({Role.SYSTEM}), channel="cli")
ROOM = Actor(id="system:room", roles=frozenset({Role.SYSTEM}), channel="system")


def now() -> datetime:
    return datetime.now(UTC)


@dataclass
class World:
    store: EventStore
    dispatcher: Dispatcher
    directory: Directory
    applicant: Actor
    officer: Actor
    wang: Actor
    liu: Actor
    case: UUID = field(default_factory=uuid4)
    inspection: UUID = field(default_factory=uuid4)

    @property
    def guest(self) -> Actor:
        return Actor(id=f"guest:{self.inspection}", roles=frozenset({Role.GUEST}), channel="phone")

    async def do(self, actor: Actor, command: Command) -> dict[str, Any]:
        return (await self.dispatcher.handle(actor, command, uuid4())).answer

    async def get(self) -> Inspection:
        return await self.store.get(Inspection, self.inspection)

    async def topics(self) -> list[str]:
        return [recorded.topic for recorded in await self.store.events(self.inspection)]

    async def until(self, condition: Callable[[Inspection], bool], seconds: float = 15.0) -> Inspection:
        """Waits for the record; woken by every event."""
        async with asyncio.timeout(seconds), self.store.follow(after=Place()) as pages:
            async for _ in pages:
                inspection = await self.get()
                if condition(inspection):
                    return inspection
        raise AssertionError("unreachable")

    async def event(self, topic: str, seconds: float = 15.0) -> Any:
        """The first event of this name in the inspection, as soon as it is recorded."""
        async with asyncio.timeout(seconds), self.store.follow(after=Place()) as pages:
            async for page in pages:
                for recorded in page:
                    if recorded.originator_id == self.inspection and recorded.topic == topic:
                        return recorded.event
        raise AssertionError("unreachable")

    async def plan(self, mode: i.Mode = "remote") -> None:
        """Planned, with a slot, the link bound and the notice accepted."""
        inspectors = [UUID(actor.id.removeprefix("staff:")) for actor in (self.wang, self.liu)]
        answer = await self.do(self.wang, i.PlanInspection(case_id=self.case, mode=mode, inspectors=inspectors))
        self.inspection = UUID(answer["inspection_id"])
        await self.offer()
        await self.do(self.guest, i.BindInvitation(inspection_id=self.inspection))

    async def offer(self) -> None:
        await self.do(self.wang, i.OfferSlot(inspection_id=self.inspection, starts_at=now() + timedelta(hours=1)))

    async def accept_notice(self) -> None:
        await self.do(self.guest, i.AnswerNotice(inspection_id=self.inspection, version=CURRENT.version, accepted=True))

    async def gather(self) -> None:
        """All are noted as present, without a room."""
        for actor in (self.guest, self.wang, self.liu):
            await self.do(ROOM, i.NotePresence(inspection_id=self.inspection, party=actor.id, present=True))

    async def start(self) -> None:
        await self.do(self.wang, i.StartInspection(inspection_id=self.inspection))

    async def judge_everything(self) -> None:
        for check in shipped().current(RESTAURANT).checklist:
            if not check.on_the_spot:
                command = i.JudgeItem(inspection_id=self.inspection, item=check.code, verdict="pass")
                await self.do(self.wang, command)

    async def finish(self) -> None:
        await self.judge_everything()
        await self.do(self.wang, i.TellFindings(inspection_id=self.inspection))
        await self.do(self.wang, i.EndInspection(inspection_id=self.inspection))


async def build(store: EventStore) -> World:
    person = await store.vault.subject("phone", PHONE)
    applicant = Actor(id=f"person:{person}", roles=frozenset({Role.APPLICANT}), channel="phone")
    files = FilesOf(applicant.id)
    directory = Directory()
    dispatcher = Dispatcher(store, case_handlers(directory, files) | inspection_handlers(), shipped(), now)
    world = World(store, dispatcher, directory, applicant, _staff("officer"), _staff("wang"), _staff("liu"))
    await world.do(
        SETUP,
        c.EstablishOffice(
            code="qd-shinan", name="市南区行政审批服务局", name_en="Shinan", region="370202", level="district"
        ),
    )
    for actor, name, role in (
        (world.officer, "陈陪伴", "officer"),
        (world.wang, "王检查", "reviewer"),
        (world.liu, "刘检查", "reviewer"),
    ):
        await world.do(SETUP, _appointment(actor, name, role))
    await directory.load(store)
    await _file_case(world, files)
    await world.plan()
    return world


def _staff(name: str) -> Actor:
    role = Role.OFFICER if name == "officer" else Role.REVIEWER
    return Actor(id=f"staff:{uid(name)}", roles=frozenset({role}), channel="desk", office="qd-shinan", region="370202")


def _appointment(actor: Actor, name: str, role: str) -> c.AppointStaff:
    return c.AppointStaff(
        office="qd-shinan",
        staff_id=UUID(actor.id.removeprefix("staff:")),
        name=name,
        post="工作人员",
        post_en="Clerk",
        roles=[role],  # type: ignore[list-item]  # one of the roles
        certificate="370202-001",
    )


async def _file_case(world: World, files: FilesOf) -> None:
    item = shipped().current(RESTAURANT)
    core = [m.code for m in item.materials if m.kind == "core"]
    submit = c.SubmitApplication(
        item=RESTAURANT,
        form=form_values(item, phone=PHONE, legal_representative="王小海"),
        materials=[c.SuppliedMaterial(material=code, attachments=[files.upload()]) for code in core],
    )
    world.case = UUID((await world.do(world.applicant, submit))["case_id"])
    await world.do(world.officer, c.AcceptCase(case_id=world.case))
