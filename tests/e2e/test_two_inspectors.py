"""Two inspectors judge at once, each at his own desk, and neither disturbs the other."""

from __future__ import annotations

import re
from contextlib import AsyncExitStack

from playwright.async_api import Locator, Page, expect

from tests.e2e.browsers import Browsers
from tests.e2e.given import accepted_case
from tests.e2e.people import Applicant, Official, press
from tests.e2e.service import DemoService

PHONE, ITEM = "13905320007", "hygiene-hair-beauty"
HALF = "门头招牌与申请的"


def chosen(page: Page) -> Locator:
    return page.locator(".points [aria-current=true]")


def verdict(page: Page, name: str) -> Locator:
    return page.get_by_role("group", name="结论").get_by_role("button", name=re.compile(rf"^\d?\s*{name}$"))


async def test_a_colleague_neither_moves_ones_choice_nor_is_overruled_without_asking(
    demo: DemoService, browsers: Browsers
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        phone = Applicant(await browsers.phone(), demo, phone=PHONE, case_id=office.case_id)
        await office.offer(await office.plan("remote"))
        await phone.open_link()
        await press(phone.page, "发送验证码")
        await phone.prove_phone()
        await phone.join()
        li, zhao = [Official(await browsers.desk(), demo, login) for login in ("li", "zhao")]
        for official in (li, zhao):
            await official.log_in()
            await official.page.goto(f"/desk/inspections/{phone.inspection_id}")
        await press(li.page, "开始勘验并录像")
        await li.page.get_by_text("正在录音录像").first.wait_for()

        note = li.page.get_by_label("说明")
        await verdict(li.page, "不符合").click()
        await note.fill(HALF)
        await zhao.judge("符合")
        await expect(chosen(zhao.page)).to_have_text(re.compile("^2"))
        await zhao.judge("看不清")
        await expect(li.page.get_by_role("status").get_by_text("赵刚 已判“符合”")).to_be_visible()
        await expect(chosen(li.page)).to_have_text(re.compile("^1"))
        await expect(note).to_have_value(HALF)

        await press(li.page, re.compile("^更改"), exact=False)
        await expect(li.page.get_by_role("alert").get_by_text("赵刚 刚把这一项判为“符合”")).to_be_visible()
        await press(li.page, "保留赵刚的结论")
        await expect(note).to_have_value("")
        await expect(chosen(li.page)).to_contain_text("赵刚 · 符合")

        await li.page.get_by_role("button", name=re.compile("^4")).first.click()
        await verdict(li.page, "不适用").click()
        await expect(chosen(li.page)).to_have_text(re.compile("^5"))
