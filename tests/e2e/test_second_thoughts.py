"""What the pages say before something is done in vain, or too early."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Route, expect

from service.demo_office import PEOPLE
from tests.e2e.browsers import Browsers
from tests.e2e.given import Office, accepted_case, eventually, ok, staff_id
from tests.e2e.looks import shown
from tests.e2e.people import PLAN, REPORT, Applicant, Official, photo, press
from tests.e2e.service import DemoService
from tests.integration.web.test_inspections import handwriting
from tests.integration.web.world import Browser

PHONE, ITEM = "13905320006", "hygiene-hair-beauty"


async def to_be_mended(office: Office, *, refused_by: Browser | None = None) -> str:
    """Inspected on site, signed (by all but one) and sealed; one point is to be mended within nine days."""
    inspection_id = await office.plan("on-site")
    path = f"/inspections/{inspection_id}"
    starts = (datetime.now(UTC) + timedelta(minutes=10)).isoformat()
    ok(await office.li.post(f"{path}/slot", {"starts_at": starts}))
    for inspector in (office.li, office.zhao):
        ok(await inspector.post(f"{path}/arrive"))
    ok(await office.li.post(f"{path}/start"))
    first = (await office.inspection(inspection_id))["checklist"][0]["code"]
    mend_by = (datetime.now(UTC) + timedelta(days=9)).isoformat()
    verdict = {"verdict": "rectify-by", "note": "请整改。", "mend_by": mend_by}
    ok(await office.li.post(f"{path}/items/{first}/judge", verdict))
    await office.judge_the_rest(inspection_id)
    for step in ("findings", "end"):
        ok(await office.li.post(f"{path}/{step}"))
    view = await eventually(
        lambda: office.inspection(inspection_id), lambda view: view["sheet"]["status"] == "drafted", "the sheet"
    )
    signed = {"digest": view["sheet"]["digest"], "handwriting": handwriting()}
    refusal = {"digest": view["sheet"]["digest"], "reason": "水质检测方法不对。"}
    for party in (office.li, office.zhao, office.applicant):
        refuses = party is refused_by
        ok(await party.post(f"{path}/{'refuse-signature' if refuses else 'sign'}", refusal if refuses else signed))
    await eventually(
        lambda: office.inspection(inspection_id), lambda view: view["sheet"]["status"] == "sealed", "the seal"
    )
    return inspection_id


async def test_who_refuses_while_the_time_to_mend_runs_is_asked_once_more(
    demo: DemoService, browsers: Browsers
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        await to_be_mended(office)
        li = Official(await browsers.desk(), demo, "li")
        await li.log_in()
        await li.open_case(office.case_id)
        await press(li.page, "作出决定")
        await expect(li.dialog.get_by_role("radio", name="准予许可")).to_be_disabled()
        await li.dialog.get_by_text("不予许可").first.click()
        await li.dialog.get_by_label("理由").fill("消毒设施不符合要求。")
        refuse = li.dialog.get_by_role("button", name="不予许可")
        await expect(li.dialog.get_by_role("alert")).to_contain_text("整改期限还没到")
        await expect(refuse).to_be_disabled()
        await li.dialog.get_by_role("checkbox", name="我知道期限未满").check()
        await refuse.click()
        await li.page.get_by_role("heading", name="不予许可").wait_for()


async def test_a_file_that_cannot_be_taken_is_exchanged_and_only_a_lost_line_is_tried_again(
    demo: DemoService, browsers: Browsers, tmp_path: Path
) -> None:
    page = await browsers.phone()
    applicant = Applicant(page, demo, phone=PHONE)
    await shown(page, f"/apply/{ITEM}")
    await applicant.log_in()
    await applicant.fill_form()
    (broken := tmp_path / "坏.jpg").write_bytes(b"no photo at all" * 50)
    (archive := tmp_path / "材料.zip").write_bytes(b"PK\x03\x04")
    card = page.locator("section", has=page.get_by_role("heading", name=PLAN)).last
    await card.locator("input[type=file]").last.set_input_files([broken, archive])
    await expect(card.get_by_role("alert")).to_have_count(2)
    await expect(card.get_by_text("换一个文件", exact=True)).to_have_count(2)
    await expect(card.get_by_role("button", name="重试")).to_have_count(0)
    await card.get_by_label("换掉 坏.jpg").set_input_files(photo(tmp_path))
    await expect(card.get_by_text("已上传")).to_be_visible()
    await expect(card.get_by_role("alert")).to_have_count(1)

    card = page.locator("section", has=page.get_by_role("heading", name=REPORT)).last
    await page.route("**/api/v1/attachments", lambda route: route.abort())
    await card.locator("input[type=file]").last.set_input_files(photo(tmp_path))
    await expect(card.get_by_text("换一个文件", exact=True)).to_have_count(0)
    retry = card.get_by_role("button", name="重试")
    await retry.wait_for()
    await page.unroute("**/api/v1/attachments")
    await retry.click()
    await expect(card.get_by_text("已上传")).to_be_visible()


async def test_nothing_goes_on_past_an_upload_that_still_runs_or_has_failed(
    demo: DemoService, browsers: Browsers, tmp_path: Path
) -> None:
    page = await browsers.phone()
    applicant = Applicant(page, demo, phone=PHONE)
    await shown(page, f"/apply/{ITEM}")
    await applicant.log_in()
    await applicant.fill_form()
    arrived = asyncio.Event()

    async def slow(route: Route) -> None:
        await arrived.wait()
        await route.continue_()

    await page.route("**/api/v1/attachments", slow)
    card = page.locator("section", has=page.get_by_role("heading", name=PLAN)).last
    await card.locator("input[type=file]").last.set_input_files(photo(tmp_path))
    await press(page, "下一步：核对")
    await expect(page.get_by_role("status").get_by_text("还有 1 个文件在上传")).to_be_visible()
    await expect(page.get_by_role("heading", name="上传的材料")).to_have_count(0)
    arrived.set()
    await expect(page.get_by_role("heading", name="上传的材料")).to_be_visible()
    await expect(page.get_by_text("1 份", exact=True)).to_be_visible()

    await press(page, "上一步")
    (broken := tmp_path / "坏.jpg").write_bytes(b"no photo at all" * 50)
    await card.locator("input[type=file]").last.set_input_files(broken)
    await card.get_by_role("alert").wait_for()
    await press(page, "下一步：核对")
    await expect(page.get_by_role("dialog")).to_contain_text("坏.jpg")
    await press(page.get_by_role("dialog"), "回去处理")
    await expect(card.get_by_text("坏.jpg")).to_be_visible()
    await press(page, "下一步：核对")
    await press(page.get_by_role("dialog"), "不带，继续")
    await press(page, "上一步")
    await expect(card.get_by_text("坏.jpg")).to_be_visible()


async def test_a_sheet_that_somebody_refused_to_sign_does_not_say_that_all_have_signed(
    demo: DemoService, browsers: Browsers
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        inspection_id = await to_be_mended(office, refused_by=office.zhao)
        li = Official(await browsers.desk(), demo, "li")
        await li.log_in()
        await li.page.goto(f"/desk/inspections/{inspection_id}")
        await li.page.get_by_role("heading", name="勘验单已归档：赵刚拒签，其余各方已签").wait_for()
        await expect(li.page.get_by_text("各方已签，勘验单已签章归档")).to_have_count(0)


async def test_a_case_that_is_offered_stands_first_is_taken_back_and_who_declines_says_why(
    demo: DemoService, browsers: Browsers
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        path = f"/cases/{office.case_id}"
        companion = ok(await office.li.get(path)).value["summary"]["companion"]["id"]
        giver = next(one.login for one in PEOPLE if companion == f"staff:{one.staff_id}")
        receiver = "zhou" if giver == "lin" else "lin"
        asking = await stack.enter_async_context(Browser(demo.url))
        ok(await asking.log_in(giver, demo.password))
        offer = {"to": staff_id(receiver), "note": "只差检测报告。"}
        ok(await asking.post(f"{path}/handover", offer))
        gives, asked = [Official(await browsers.desk(), demo, login) for login in (giver, receiver)]
        await asked.log_in()
        await expect(asked.page.get_by_role("row").nth(1)).to_contain_text("请您接手")
        await gives.log_in()
        await gives.open_case(office.case_id)
        await press(gives.page, "收回移交")
        await press(gives.dialog, "收回")
        await expect(gives.page.get_by_text("等答复")).to_have_count(0)

        ok(await asking.post(f"{path}/handover", offer))
        await asked.open_case(office.case_id)
        await expect(asked.page.get_by_text("只差检测报告。").first).to_be_visible()
        await press(asked.page, "不接，说明原因")
        await asked.dialog.get_by_label("原因").fill("下周要去学习。")
        await press(asked.dialog, "不接")
        await expect(gives.page.get_by_text("原因：下周要去学习。")).to_be_visible()
