"""Two administrators at their desks erase a person: one asks by telephone, the other approves, and it is done."""

from __future__ import annotations

import asyncio
import re
from contextlib import AsyncExitStack
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.e2e.browsers import Browsers, shoot
from tests.e2e.given import accepted_case, eventually, ok
from tests.e2e.looks import Findings, at_rest, shown
from tests.e2e.people import Official, press
from tests.e2e.service import DemoService
from tests.integration.web.world import Browser

PHONE, ITEM = "13905320007", "hygiene-hair-beauty"
SMALL_DESK = {"width": 1366, "height": 768}


async def test_two_administrators_erase_a_person_at_their_desks(demo: DemoService, browsers: Browsers) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        ok(await office.applicant.post(f"/cases/{office.case_id}/withdraw", {"reason": "不办了"}))
        findings = Findings()
        first, second = [Official(await browsers.desk(), demo, login) for login in ("admin", "admin2")]
        for official in (first, second):
            await official.page.set_viewport_size(SMALL_DESK)  # type: ignore[arg-type]  # width and height
            await official.log_in()
        await _look(first.page, findings, "erasures-empty")
        await _ask(first, findings, office.number)
        await _approve(first, second, findings)
        await _then_the_case_says_so(second.page, office.number)
        findings.then_nothing_was_found()
    verified = demo.run("verify")
    assert verified.returncode == 0, verified.stdout
    assert not browsers.troubles


@pytest.mark.parametrize("milliseconds", [0, 15, 40])
async def test_killed_after_the_approval_the_erasure_is_carried_out_once_when_it_starts_again(
    demo: DemoService, milliseconds: int
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        ok(await office.applicant.post(f"/cases/{office.case_id}/withdraw", {"reason": "不办了"}))
        first, second = [await stack.enter_async_context(Browser(demo.url)) for _ in range(2)]
        for browser, login in ((first, "admin"), (second, "admin2")):
            ok(await browser.log_in(login, demo.password))
        found = ok(await first.post("/erasures/find", {"words": PHONE}))
        body = {"person": found["person"], "cases": [office.case_id], "whole": True, "basis": "consent-withdrawn"}
        asked = ok(await first.post("/erasures", body))
        ok(await second.post(f"/erasures/{asked['answer']['erasure_id']}/approve"))
        await asyncio.sleep(milliseconds / 1000)  # wherever it stands by then
        demo.kill()
        demo.start()

        async def look() -> dict[str, Any]:
            return dict((await first.get("/erasures"))["erasures"][0])

        done = await eventually(look, lambda one: one["status"] == "erased", "the erasure to be carried out")
        assert (len(done["cases"]), done["keys"], done["forgotten"]) == (1, 4, True)
        assert not list((demo.data / "files").iterdir())
        assert ok(await first.post("/erasures/find", {"words": PHONE}))["person"] is None
    assert demo.run("verify").returncode == 0


async def _look(page: Page, findings: Findings, name: str) -> None:
    await shown(page, "/desk/erasures")
    await findings.look(page, name, touch=False)
    await shoot(page, name)


async def _ask(official: Official, findings: Findings, number: str) -> None:
    page = official.page
    await expect(page.get_by_text("还没有删除申请")).to_be_visible()
    await page.get_by_label("手机号或办件号").fill("13905329999")
    await press(page, "查找")
    await expect(page.get_by_text("没有找到")).to_be_visible()
    await page.get_by_label("手机号或办件号").fill(PHONE)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("checkbox", name=number)).to_be_checked()
    await page.get_by_label("法律依据").select_option("consent-withdrawn")
    await page.get_by_text("删除此人全部信息").click()
    await findings.look(page, "erasures, found", touch=False)
    await shoot(page, "erasures-found")
    await press(page, "提出删除申请")
    await expect(official.dialog.get_by_text("不能恢复")).to_be_visible()
    await at_rest(page)
    await findings.look(page, "erasures, asking", touch=False)
    await shoot(page, "erasures-asking")
    await press(official.dialog, "提出申请")
    await expect(page.get_by_text("由您申请，须由另一位管理员答复")).to_be_visible()
    await expect(page.get_by_role("button", name="批准删除")).to_have_count(0)


async def _approve(first: Official, second: Official, findings: Findings) -> None:
    page = second.page
    await shown(page, "/desk/erasures")
    await press(page, "批准删除")
    approve = second.dialog.get_by_role("button", name="批准并删除")
    await expect(second.dialog.get_by_text("删除后不能恢复。")).to_be_visible()
    await expect(approve).to_be_disabled()
    await second.dialog.get_by_text("我已核对").click()
    await at_rest(page)
    await findings.look(page, "erasures, approving", touch=False)
    await shoot(page, "erasures-approving")
    await approve.click()
    done = page.get_by_text(re.compile("已删除|正在删除")).first
    await expect(done).to_be_visible()
    await shown(first.page, "/desk/erasures")
    await expect(first.page.get_by_text("手机号已无法再找到本人")).to_be_visible()
    await findings.look(first.page, "erasures, done", touch=False)
    await shoot(first.page, "erasures-done")


async def _then_the_case_says_so(page: Page, number: str) -> None:
    await shown(page, "/desk/erasures")
    await page.get_by_label("手机号或办件号").fill(number)
    await press(page, "查找")
    await expect(page.get_by_text("已经删除")).to_be_visible()
    await shoot(page, "erasures-again")
