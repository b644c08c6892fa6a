"""What a walk takes for granted: done through the interface that the pages use, each with a session of his own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from cases.catalogue import shipped
from service.demo_office import PEOPLE, demo_id
from tests.builders import form_values
from tests.e2e.service import DemoService
from tests.integration.web.world import Answer, Browser, photo

_SECONDS = 20.0
_LOOK_AGAIN = 0.05
T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], fits: Callable[[T], object], what: str) -> T:
    """What is found by the first look that fits; for what tells nobody that it has changed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _SECONDS
    while not fits(found := await look()):
        assert loop.time() < end, f"waited for {what}, and last found: {found}"
        await asyncio.sleep(_LOOK_AGAIN)
    return found


def staff_id(login: str) -> str:
    return str(demo_id("staff", login))


async def code(demo: DemoService, phone: str) -> str:
    """The one-time code of the newest message that brings this phone one."""
    for message in await demo.messages():
        found = re.search(r"验证码 (\d{6})", message["text"])
        if found and message["to"] == phone:
            return found[1]
    raise AssertionError("no code came")


@dataclass
class Office:
    """An accepted case and those who work on it; each may be asked for what his pages would ask for."""

    demo: DemoService
    phone: str
    case_id: str
    number: str
    applicant: Browser
    li: Browser
    zhao: Browser

    async def plan(self, mode: str) -> str:
        """The inspection's id; li and zhao are its inspectors."""
        body = {"mode": mode, "inspectors": [staff_id("li"), staff_id("zhao")]}
        made = await self.li.post(f"/cases/{self.case_id}/inspections", body)
        return str(made["answer"]["inspection_id"])

    async def offer(self, inspection_id: str, *, minutes_ahead: int = 10) -> str:
        """Gives the link, as the message has it."""
        sent_before = len(await self._links())
        starts = (datetime.now(UTC) + timedelta(minutes=minutes_ahead)).isoformat()
        ok(await self.li.post(f"/inspections/{inspection_id}/slot", {"starts_at": starts}))
        return (await eventually(self._links, lambda links: len(links) > sent_before, "the message with the link"))[0]

    async def _links(self) -> list[str]:
        """Newest first."""
        texts = [message["text"] for message in await self.demo.messages() if message["to"] == self.phone]
        return [found[0] for text in texts if (found := re.search(r"https?://\S+/i#\S+", text))]

    async def inspection(self, inspection_id: str) -> dict[str, Any]:
        return dict(ok(await self.li.get(f"/inspections/{inspection_id}")).value)

    async def judge_the_rest(self, inspection_id: str) -> None:
        """Everything that is still open passes, or does not apply where a picture does not suffice."""
        view = await self.inspection(inspection_id)
        remote = view["brief"]["mode"] == "remote"
        for check in view["checklist"]:
            unseen = check["on_the_spot"] and remote
            verdict = {"verdict": "not-applicable", "note": "没有此项"} if unseen else {"verdict": "pass"}
            if not check["verdict"]:
                ok(await self.li.post(f"/inspections/{inspection_id}/items/{check['code']}/judge", verdict))


def ok(answer: Answer) -> Answer:
    assert answer.status == 200, (answer.status, answer.value)
    return answer


async def accepted_case(demo: DemoService, stack: AsyncExitStack, item: str, phone: str) -> Office:
    """Filed from a phone with what is asked for, accepted by its companion."""
    applicant, companion, li, zhao = [await stack.enter_async_context(Browser(demo.url)) for _ in range(4)]
    ok(await applicant.post("/login/code", {"phone": phone}))
    entered = ok(await applicant.post("/login/verify", {"phone": phone, "code": await code(demo, phone)}))
    applicant.csrf = entered["csrf"]
    filed = (await _file(applicant, item, phone))["answer"]
    person = next(one for one in PEOPLE if filed["companion"] == f"staff:{one.staff_id}")
    for browser, login in ((companion, person.login), (li, "li"), (zhao, "zhao")):
        ok(await browser.log_in(login, demo.password))
    ok(await companion.post(f"/cases/{filed['case_id']}/accept"))
    return Office(demo, phone, filed["case_id"], filed["number"], applicant, li, zhao)


async def _file(applicant: Browser, code_of_item: str, phone: str) -> Answer:
    item = shipped().current(code_of_item)
    materials = []
    for material in item.materials:
        if material.kind == "core":
            file = await applicant.upload(photo(), f"{material.name.zh}.jpg", "image/jpeg")
            materials.append({"material": material.code, "attachments": [file["id"]]})
    body = {"item": item.code, "form": form_values(item, phone=phone), "materials": materials}
    return ok(await applicant.post("/cases", body))
