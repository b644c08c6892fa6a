"""Pages for everybody: nothing serious for axe, targets for fingers, text that grows, and little to load."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from playwright.async_api import Request, expect

from tests.e2e.browsers import Browsers
from tests.e2e.given import Office, accepted_case, ok
from tests.e2e.looks import MEASURE, Findings, at_rest, shown
from tests.e2e.people import Applicant, Official, press
from tests.e2e.service import DemoService

PHONE, ITEM = "13905320005", "hygiene-hair-beauty"
LINES = """(one) => {
    const all = document.createRange()
    all.selectNodeContents(one)
    return all.getClientRects().length
}"""
FIRST_LOAD = 150_000  # bytes, compressed, everything


@pytest.fixture
async def office(demo: DemoService) -> AsyncIterator[Office]:
    async with AsyncExitStack() as stack:
        yield await accepted_case(demo, stack, ITEM, PHONE)


async def test_phone_pages_are_for_every_eye_and_finger(demo: DemoService, browsers: Browsers, office: Office) -> None:
    page, findings = await browsers.phone(), Findings()
    for address in ("/", f"/items/{ITEM}", "/login", "/outbox"):
        await shown(page, address)
        await findings.look(page, address, touch=True)
    await shown(page, "/login")
    await page.get_by_label("手机号码").fill(PHONE)
    await press(page, "获取验证码")
    await page.get_by_label("6 位验证码").wait_for()
    await findings.look(page, "/login with its code", touch=True)
    await Applicant(page, demo, phone=PHONE).prove_phone()
    for address in (f"/apply/{ITEM}", "/cases", f"/cases/{office.case_id}"):
        await shown(page, address)
        await findings.look(page, address, touch=True)
    findings.then_nothing_was_found()


async def test_the_way_into_the_room_is_for_every_eye_and_finger(
    demo: DemoService, browsers: Browsers, office: Office
) -> None:
    page, findings = await browsers.phone(), Findings()
    await shown(page, await office.offer(await office.plan("remote")))
    await page.get_by_role("heading", name="先确认是您本人").wait_for()
    await findings.look(page, "the link", touch=True)
    await press(page, "发送验证码")
    await Applicant(page, demo, phone=PHONE).prove_phone()
    for heading, button in (("这个时间可以吗？", "可以，到时见"), ("录音录像", "我已看过，同意录音录像")):
        await page.get_by_role("heading", name=heading).wait_for()
        await findings.look(page, heading, touch=True)
        await press(page, button)
    await press(page, "打开摄像头")
    enter = page.get_by_role("button", name="画面声音都好，进入")
    await enter.wait_for()
    await findings.look(page, "the camera check", touch=True)
    await enter.click()
    await page.get_by_role("heading", name="请稍候，还没有开始录像").wait_for()
    await findings.look(page, "the room", touch=True)
    findings.then_nothing_was_found()


async def test_desk_pages_are_for_every_eye(demo: DemoService, browsers: Browsers, office: Office) -> None:
    li, findings = Official(await browsers.desk(), demo, "li"), Findings()
    await shown(li.page, "/desk/login")
    await findings.look(li.page, "/desk/login", touch=False)
    await li.log_in()
    case = f"/desk/cases/{office.case_id}"
    await shown(li.page, case)
    await press(li.page, "安排勘验")
    await li.dialog.get_by_role("radio", name="远程视频").wait_for()
    await at_rest(li.page)
    await findings.look(li.page, "the dialog of a plan", touch=False)
    inspection_id = await office.plan("remote")
    await office.offer(inspection_id)
    inspection = f"/desk/inspections/{inspection_id}"
    for name in ("/desk", case, "/desk/agenda", inspection, f"/desk/oversight/{office.case_id}"):
        await shown(li.page, name)
        await findings.look(li.page, name, touch=False)
    for login, name in (("han", "/desk/oversight"), ("yang", "/desk/complaints")):
        official = Official(await browsers.desk(), demo, login)
        await official.log_in()
        await shown(official.page, name)
        await findings.look(official.page, name, touch=False)
    findings.then_nothing_was_found()


async def test_large_text_is_one_touch_away_and_stays(browsers: Browsers) -> None:
    page = await browsers.phone()
    await shown(page, "/")
    size = "parseFloat(getComputedStyle(document.querySelector('main')).fontSize)"
    normal = await page.evaluate(size)
    await press(page, "大字")
    await expect(page.get_by_role("button", name="大字")).to_have_attribute("aria-pressed", "true")
    await shown(page, f"/items/{ITEM}")
    assert await page.evaluate(size) >= 1.25 * normal
    assert (await page.evaluate(MEASURE))["wide"] <= 0


async def test_a_return_number_stays_in_one_piece_in_large_text_on_a_small_phone(
    demo: DemoService, browsers: Browsers, office: Office
) -> None:
    ok(await office.applicant.post(f"/cases/{office.case_id}/return-visits"))
    page = await browsers.phone()
    await page.set_viewport_size({"width": 320, "height": 640})
    await shown(page, "/login")
    await Applicant(page, demo, phone=PHONE).log_in()
    await shown(page, f"/cases/{office.case_id}")
    await press(page, "大字")
    number = page.get_by_text(re.compile(r"^F\d{4}-\d{3}$")).first
    assert await number.evaluate(LINES) == 1
    assert (await page.evaluate(MEASURE))["wide"] <= 0


async def test_the_start_of_an_inspection_and_what_waits_are_seen_without_scrolling(
    demo: DemoService, browsers: Browsers, office: Office
) -> None:
    inspection_id = await office.plan("remote")
    li = Official(await browsers.desk(), demo, "li")
    await li.log_in()
    await expect(li.page.get_by_role("link", name=re.compile("勘验日程.*1 件等您处理"))).to_be_visible()
    await shown(li.page, f"/desk/inspections/{inspection_id}")
    start = li.page.get_by_role("button", name="开始勘验并录像")
    for width, height in ((1440, 900), (1366, 768)):
        await li.page.set_viewport_size({"width": width, "height": height})
        await expect(start).to_be_in_viewport(ratio=1)
    await office.offer(inspection_id, minutes_ahead=2 * 24 * 60)
    await shown(li.page, "/desk/agenda")
    await expect(li.page.get_by_role("link", name="勘验日程", exact=True)).to_be_visible()


async def test_the_first_load_of_the_phone_page_is_small(browsers: Browsers) -> None:
    """Everything that a phone fetches which was never here before, as it comes over the line."""
    page = await browsers.phone()
    finished: list[Request] = []

    def note(request: Request) -> None:
        finished.append(request)

    page.on("requestfinished", note)
    await shown(page, "/")
    sizes = {request.url: (await request.sizes())["responseBodySize"] for request in finished}
    print(json.dumps(sizes, indent=1))  # noqa: T201 -- shown with a failure
    assert sum(sizes.values()) <= FIRST_LOAD, f"{sum(sizes.values())} bytes in {len(sizes)} files"
