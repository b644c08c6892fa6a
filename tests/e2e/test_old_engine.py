"""The applicant's pages in the oldest engine we promise: Chromium 87, as Qt WebEngine 5.15 carries it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import av
import pytest

from tests.e2e.old_phone import OldPhone, missing
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


@dataclass
class Staff:
    """The companion and the two inspectors at their desks, through the interface that their pages use."""

    companion: Browser
    inspectors: list[Browser]

    @classmethod
    async def arrive(cls, demo: DemoService, stack: AsyncExitStack) -> Staff:
        browsers = []
        for login in ("lin", "zhou", "li", "zhao"):
            browser = await stack.enter_async_context(Browser(demo.url))
            await browser.log_in(login, demo.password)
            browsers.append(browser)
        return cls(browsers[0], browsers[2:])


async def code_from(demo: DemoService, what: str) -> str:
    """The newest code sent to the phone in a message with this word."""
    for message in await demo.messages():
        if message["to"] == PHONE and what in message["text"]:
            words = message["text"].replace("，", " ").split()
            return next(word for word in words if word.isdigit() and len(word) == 6)
    raise AssertionError(f"no message about {what}")
