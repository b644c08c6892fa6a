"""A whole service behind its HTTP edge, on real parts, and browsers that talk to it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

import aiohttp
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from PIL import Image

from cases.attachments import AttachmentStore
from cases.catalogue import shipped
from cases.commands import AppointStaff, Command, EstablishOffice
from cases.directory import Directory
from cases.dispatch import Dispatcher
from cases.forgetting import forgetting_policy
from cases.handlers import case_handlers
from cases.permissions import Actor, Role
from cases.policies import POLICIES, Policy, PolicyRunner
from eventstore import EventStore, Place
from inspection.forgetting import InspectionRemains
from inspection.handlers import inspection_handlers
from inspection.invitation import InvitationKeys
from inspection.live import LiveRooms
from inspection.media.plane import MediaPlane
from inspection.policies import inspection_policies
from inspection.signing import SealKeys
from projections import PROJECTIONS, Runner, open_pool
from tests.builders import MONDAY, RESTAURANT, form_values, uid
from tests.database import Database
from web.app import make_app
from web.database import Database as EdgeDatabase
from web.files import Files
from web.forgetting import EdgeMemory
from web.messenger import OutboxMessenger
from web.passwords import Credentials
from web.services import EdgeSettings, Services

SITE = "http://peiban.test"
SECRET = bytes(range(32))
ITEM = shipped().current(RESTAURANT)
PASSWORD = "correct horse 电池"
SYSTEM = Actor(id="system:test", roles=frozenset({Role.SYSTEM}), channel="system")
ROLES = (
    "officer",
    "colleague",
    "reviewer",
    "second",
    "head",
    "supervisor",
    "complaints",
    "administrator",
    "administrator2",
)


class Answer:
    """What came back: status, headers and the JSON or bytes of the body."""

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes, value: Any) -> None:
        self.status, self.headers, self.body, self.value = status, headers, body, value

    @property
    def code(self) -> str:
        return str(self.value["code"])

    def __getitem__(self, name: str) -> Any:
        assert self.status == 200, (self.status, self.value)
        return self.value[name]


class Browser:
    """Keeps cookies, sends its origin and token, and makes a key per action, as the pages do."""

    def __init__(self, base: str) -> None:
        self.base = base
        self.http = aiohttp.ClientSession(base, cookie_jar=aiohttp.CookieJar(unsafe=True))
        self.origin: str | None = base.rstrip("/")
        self.csrf = ""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        await self.http.close()

    async def get(self, path: str, **headers: str) -> Answer:
        return await self._send("GET", path, headers=headers)

    async def post(
        self, path: str, body: Any = None, *, key: UUID | None = None, data: Any = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        sent = {"Idempotency-Key": str(key or uuid4()), "X-CSRF-Token": self.csrf, **headers}
        if self.origin is not None:
            sent["Origin"] = self.origin
        if data is None:
            return await self._send("POST", path, headers=sent, json={} if body is None else body)
        return await self._send("POST", path, headers=sent, data=data)

    async def upload(self, content: bytes, name: str, media_type: str) -> Answer:
        form = aiohttp.FormData()
        form.add_field("file", io.BytesIO(content), filename=name, content_type=media_type)
        return await self.post("/attachments", data=form)

    async def log_in(self, login: str, password: str = PASSWORD) -> Answer:
        return self._entered(await self.post("/login/staff", {"login": login, "password": password}))

    async def enter(self, phone: str, world: World) -> Answer:
        await self.post("/login/code", {"phone": phone})
        return self._entered(await self.post("/login/verify", {"phone": phone, "code": await world.code_for(phone)}))

    def _entered(self, answer: Answer) -> Answer:
        if answer.status == 200:
            self.csrf = answer["csrf"]
        return answer

    async def _send(self, method: str, path: str, **options: Any) -> Answer:
        address = path if path.startswith("/site/") else "/api/v1" + path
        async with self.http.request(method, address.removeprefix("/site"), **options) as response:
            body = await response.read()
            value = await response.json(content_type=None) if "json" in response.content_type else None
            return Answer(response.status, response.headers, body, value)


@dataclass
class World:
    services: Services
    base: str
    clock: Clock
    reacting: PolicyRunner

    @property
    def messenger(self) -> OutboxMessenger:
        assert isinstance(self.services.messenger, OutboxMessenger)
        return self.services.messenger

    def browser(self) -> Browser:
        return Browser(self.base)

    def later(self, **time: float) -> None:
        self.clock.now += timedelta(**time)

    async def code_for(self, phone: str) -> str:
        """The newest code sent to this phone."""
        for message in await self.messenger.messages():
            if message.to == phone:
                return next(
                    word for word in message.text.replace("，", " ").split() if word.isdigit() and len(word) == 6
                )
        raise AssertionError("no message was sent")

    async def do(self, actor: Actor, command: Command) -> dict[str, Any]:
        outcome = await self.services.dispatcher.handle(actor, command, uuid4())
        await self.settle()
        return dict(outcome.answer)

    async def settle(self) -> None:
        """Until reactions, directory and read models have dealt with everything."""
        await self.reacting.passed(await self.services.store.head())
        head = await self.services.store.head()
        assert await self.services.runner.wait_for(head, timeout=10)
        await self.services.directory.load(self.services.store)

    def staff(self, login: str) -> Actor:
        return self.services.directory.actor(uid(login), "desk")


class Places:
    """Where policies stand, for as long as a test runs."""

    def __init__(self) -> None:
        self._places: dict[str, Place] = {}

    async def get(self, name: str) -> Place:
        return self._places.get(name, Place())

    async def set(self, name: str, place: Place) -> None:
        self._places[name] = place


class Clock:
    """The world's time; it moves only when a test says so."""

    def __init__(self) -> None:
        self.now = MONDAY

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def open_world(store: EventStore, database: Database, folder: Path, *, demo: bool = True) -> AsyncIterator[World]:
    clock = Clock()
    async with AsyncExitStack() as stack:
        services = await _services(stack, store, database, folder, clock, demo=demo)
        reacting = PolicyRunner(
            store, services.dispatcher, [*POLICIES, *_policies(services, folder)], tracking=Places()
        )
        for work in (services.directory.keep(store), reacting.run()):
            stack.push_async_callback(_end, asyncio.create_task(work))
        server = TestServer(make_app(services), host="127.0.0.1")
        await server.start_server(keepalive_timeout=5, access_log=None)
        stack.push_async_callback(server.close)
        world = World(services, str(server.make_url("/")).rstrip("/"), clock, reacting)
        await _found(world)
        yield world


async def _services(
    stack: AsyncExitStack, store: EventStore, database: Database, folder: Path, clock: Clock, *, demo: bool
) -> Services:
    edge = await EdgeDatabase.open(database.service_url)
    stack.push_async_callback(edge.close)
    pool = await open_pool(database.service_url)
    stack.push_async_callback(pool.close)
    directory, attachments = Directory(), AttachmentStore(folder / "attachments")
    files = Files(edge, store, attachments, clock)
    dispatcher = Dispatcher(store, case_handlers(directory, files) | inspection_handlers(), shipped(), clock)
    plane = await MediaPlane.start()
    stack.push_async_callback(plane.close)
    live = LiveRooms(plane, dispatcher, store, folder / "recordings")
    await live.start()
    stack.push_async_callback(live.close)
    return Services(
        settings=_settings(folder, demo=demo),
        store=store,
        database=edge,
        dispatcher=dispatcher,
        catalogue=shipped(),
        directory=directory,
        runner=await stack.enter_async_context(Runner(store, pool, list(PROJECTIONS.values()), clock)),
        pool=pool,
        invitations=InvitationKeys(SECRET),
        attachments=attachments,
        files=files,
        messenger=OutboxMessenger(edge, SECRET, clock),
        live=live,
        clock=clock,
        credentials=Credentials(edge, clock, PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)),
    )


def _settings(folder: Path, *, demo: bool) -> EdgeSettings:
    return EdgeSettings(
        base_url=SITE,
        secret=SECRET,
        recordings=folder / "recordings",
        derived=folder / "derived",
        static_dir=folder / "static",
        demo=demo,
        json_seconds=0.5,
        upload_seconds=20,
        heartbeat_seconds=0.2,
    )


def _policies(services: Services, folder: Path) -> tuple[Policy, ...]:
    remains = InspectionRemains(services.store, folder / "recordings", folder / "derived")
    memory = EdgeMemory(services.database, services.store.vault, services.messenger)
    forgetting = forgetting_policy(services.store, services.attachments, remains, memory)
    inspecting = inspection_policies(
        store=services.store,
        attachments=services.attachments,
        catalogue=services.catalogue,
        directory=services.directory,
        messenger=services.messenger,
        invitations=services.invitations,
        seal=SealKeys.load_or_create(folder / "seal", now=services.clock()),
        base_url=SITE,
        clock=services.clock,
    )
    return (*inspecting, forgetting)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _found(world: World) -> None:
    """Two offices and one person for each role; `foreign` works in the other district."""
    for code, region in (("qd-shinan", "370202"), ("qd-shibei", "370203")):
        office = EstablishOffice(code=code, name=f"{code}局", name_en=code, region=region, level="district")
        await world.do(SYSTEM, office)
    for login in (*ROLES, "foreign"):
        role: Any = {
            "colleague": "officer",
            "second": "reviewer",
            "foreign": "officer",
            "administrator2": "administrator",
        }.get(login, login)
        await world.do(
            SYSTEM,
            AppointStaff(
                office="qd-shibei" if login == "foreign" else "qd-shinan", staff_id=uid(login), name=f"人员{login}",
                post="岗位", post_en="post", roles=[role], certificate="37020211",
            ),
        )  # fmt: skip
        assert world.services.credentials is not None
        await world.services.credentials.set(uid(login), login, PASSWORD)


def photo() -> bytes:
    out = io.BytesIO()
    Image.effect_noise((200, 100), 40).convert("RGB").save(out, "JPEG")
    return out.getvalue()


async def file_case(applicant: Browser, *, core: bool = True) -> Answer:
    materials = []
    for material in ITEM.materials:
        if material.kind == "core" and core:
            file = await applicant.upload(photo(), f"{material.name.zh}.jpg", "image/jpeg")
            materials.append({"material": material.code, "attachments": [file["id"]]})
    return await applicant.post("/cases", {"item": RESTAURANT, "form": form_values(ITEM), "materials": materials})


async def companion_of(world: World, filed: Answer) -> Browser:
    browser = world.browser()
    logins = {f"staff:{uid(login)}": login for login in ("officer", "colleague")}
    await browser.log_in(logins[filed["answer"]["companion"]])
    return browser
