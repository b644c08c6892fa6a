"""The applicant's pages in the oldest engine we promise: Chromium 87, as Qt WebEngine 5.15 carries it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import aiohttp
import av
import pytest

from inspection.recorder import journal_path
from tests.e2e.old_phone import OldPhone, eventually, missing
from tests.e2e.service import DemoService
from tests.integration.web.world import Browser

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

PHONE = "13800138087"
ITEM = "食品经营许可（小型餐馆）"
FORM = {
    "申请人名称": "海风小馆",
    "法定代表人": "林海",
    "联系手机": PHONE,
    "经营场所地址": "青岛市市南区香港中路 10 号",
    "食品处理区面积": "30",
    "就餐区面积": "40",
    "食品安全管理员": "林海",
}
CHOICES = {"经营场所所在区市": "市南区", "经营项目": "热食", "是否网络接单": "否", "餐用具消毒方式": "热力消毒"}


@pytest.fixture
async def phone(demo: DemoService) -> AsyncIterator[OldPhone]:
    async with OldPhone(demo.url) as phone:
        yield phone


async def code_from(demo: DemoService, what: str) -> str:
    """The newest code sent to the phone in a message with this word."""
    for message in await demo.messages():
        if message["to"] == PHONE and what in message["text"]:
            words = message["text"].replace("，", " ").split()
            return next(word for word in words if word.isdigit() and len(word) == 6)
    raise AssertionError(f"no message about {what}")


async def apply(phone: OldPhone, demo: DemoService) -> str:
    """From the start page to the progress page; the id of the case."""
    await phone.open("/")
    await phone.see(ITEM, "三步办成")
    await phone.shoot("home")
    await phone.tap(ITEM)
    await phone.see("多久办好", "要准备什么")
    await phone.shoot("item")
    await phone.tap("开始申请")
    await phone.type("手机号码", PHONE)
    await phone.shoot("login")
    await phone.tap("获取验证码")
    await phone.see("6 位验证码")
    await phone.type("6 位验证码", await code_from(demo, "登录验证码"))
    await phone.see("基本信息")
    for label, value in FORM.items():
        await phone.type(label, value)
    for question, choice in CHOICES.items():
        await phone.tap(choice, within=question)
    await phone.shoot("form")
    await phone.tap("下一步：上传材料")
    await phone.photograph("拍照或选择", within="设备设施")
    await phone.see("平面图.jpg", "已上传")
    await phone.shoot("documents")
    await phone.tap("下一步：核对")
    await phone.see("填写的信息", "海风小馆", "香港中路 10 号", "1 份")
    await phone.tap("以上内容属实")
    await phone.shoot("review")
    await phone.tap("提交申请")
    await phone.see("已收件，放心", "办件编号", "收件时间")
    await eventually(phone.read, lambda said: "林晓" in said or "周宁" in said, "the companion's name")
    await phone.shoot("receipt")
    await phone.tap("查看进度")
    await phone.see("办理经过", "一件事跟到底", "编号")
    await phone.shoot("progress")
    return phone.address.rpartition("/")[2]


@dataclass
class Desks:
    """The companion and the two inspectors, through the interface that their own pages use."""

    companion: Browser
    first: Browser
    second: Browser

    @classmethod
    async def open(cls, demo: DemoService, case: str, stack: AsyncExitStack) -> Desks:
        lin, zhou, li, zhao = [await stack.enter_async_context(Browser(demo.url)) for _ in range(4)]
        for browser, login in ((lin, "lin"), (zhou, "zhou"), (li, "li"), (zhao, "zhao")):
            assert (await browser.log_in(login, demo.password)).status == 200
        page = await lin.get(f"/cases/{case}")
        mine = page.value["summary"]["companion"]["id"] == (await lin.get("/session"))["id"]
        return cls(lin if mine else zhou, li, zhao)

    async def invite(self, demo: DemoService, case: str) -> tuple[str, str]:
        """Accepts the case, plans a remote inspection and offers a time: the inspection's path, the link's path."""
        assert (await self.companion.post(f"/cases/{case}/accept")).status == 200
        people = [(await browser.get("/session"))["id"].partition(":")[2] for browser in (self.first, self.second)]
        made = await self.first.post(f"/cases/{case}/inspections", {"mode": "remote", "inspectors": people})
        path = f"/inspections/{made['answer']['inspection_id']}"
        starts = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
        assert (await self.first.post(f"{path}/slot", {"starts_at": starts})).status == 200
        sent = await eventually(demo.messages, lambda sent: "/i#" in sent[0]["text"], "the message with the link")
        return path, "/i#" + sent[0]["text"].partition("/i#")[2].split()[0]

    async def judge(self, path: str) -> None:
        """Everything passes, as far as a picture can tell."""
        for check in (await self.first.get(path))["checklist"]:
            unclear = {"verdict": "unclear", "note": "须现场核查"}
            verdict = unclear if check["on_the_spot"] else {"verdict": "pass"}
            answer = await self.first.post(f"{path}/items/{check['code']}/judge", verdict)
            assert answer.status == 200, answer.value


async def come_in(phone: OldPhone, demo: DemoService, link: str) -> None:
    """From the link of the message into the room."""
    await phone.open(link)
    await phone.see("先确认是您本人", ITEM)
    await phone.shoot("invitation")
    await phone.tap("发送验证码")
    await phone.see("6 位验证码")
    await phone.type("6 位验证码", await code_from(demo, "勘验验证码"))
    await phone.see("这个时间可以吗？")
    await phone.shoot("slot")
    await phone.tap("可以，到时见")
    await phone.see("MB")
    await phone.shoot("notice")
    await phone.tap("我已看过，同意录音录像")
    await phone.tap("打开摄像头")
    await phone.see("画面声音都好，进入")
    await phone.shoot("camera")
    await phone.tap("画面声音都好，进入")
    await phone.see("请稍候，还没有开始录像", "还没有录像", "两名勘验人员到齐")
    await phone.shoot("waiting")


async def sit_down(browser: Browser, path: str, stack: AsyncExitStack) -> aiohttp.ClientWebSocketResponse:
    socket = await browser.http.ws_connect(f"/api/v1{path}/room", origin=browser.origin)
    return await stack.enter_async_context(socket)


async def until_ready(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Until the room waits for nothing more, and packets of the applicant's phone arrive."""
    async with asyncio.timeout(15):
        async for message in socket:
            said = message.json()
            room = said.get("state", said) if said["t"] in ("welcome", "state") else None
            if room and not room["waiting_for"] and ("applicant", True) in _media(room):
                return
    raise AssertionError("the room was closed")


def _media(room: Any) -> set[tuple[str, bool]]:
    return {(one["role"], one["media"]) for one in room["participants"]}


async def recorded(demo: DemoService, path: str, size: int) -> None:
    """Until so many bytes of the phone's packets are on the server's disk."""
    inspection = UUID(path.rpartition("/")[2])
    journal = journal_path(demo.data / "recordings", inspection, f"guest:{inspection}", 1)

    async def written() -> int:
        return journal.stat().st_size if journal.exists() else 0

    await eventually(written, lambda found: found >= size, "the recording")


def pictures_of(film: bytes) -> list[tuple[int, int]]:
    """Width and height of every picture of the recording, decoded."""
    with av.open(io.BytesIO(film), "r") as container:
        return [(frame.width, frame.height) for frame in container.decode(video=0)]


async def sign(phone: OldPhone) -> None:
    await phone.see("勘验结束，辛苦了")
    await phone.shoot("over")
    await phone.tap("看勘验单并签名")
    await phone.see("签名情况", "确认签名")
    await phone.scribble("手写签名区")
    await phone.tap("我已看过上面的勘验单")
    await phone.shoot("sign")
    await phone.tap("确认签名")
    await phone.see("您已签名")


async def test_an_applicant_with_an_old_phone_applies_is_inspected_and_signs(
    demo: DemoService, phone: OldPhone
) -> None:
    case = await apply(phone, demo)
    async with AsyncExitStack() as stack:
        desks = await Desks.open(demo, case, stack)
        path, link = await desks.invite(demo, case)
        await phone.see("勘验 · 远程")
        await come_in(phone, demo, link)
        socket, _ = [await sit_down(browser, path, stack) for browser in (desks.first, desks.second)]
        await until_ready(socket)
        assert (await desks.first.post(f"{path}/start")).status == 200
        await phone.see("正在录音录像")
        await recorded(demo, path, 200_000)
        await phone.shoot("room")
        await desks.judge(path)
        assert (await desks.first.post(f"{path}/findings")).status == 200
        assert (await desks.first.post(f"{path}/end")).status == 200
        await sign(phone)
        view: Any = (await desks.first.get(path)).value
        film = await desks.first.get(view["recordings"][0]["url"].removeprefix("/api/v1"))
    pictures = pictures_of(film.body)
    assert len(pictures) > 10
    assert pictures[-1] == (960, 540)
    assert phone.troubles == []
