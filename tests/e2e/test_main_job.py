"""The main job on real parts: a phone with a camera, two inspectors at desks, everybody who comes after them."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

from playwright.async_api import Page, expect

from tests.e2e.browsers import Browsers, shoot
from tests.e2e.evidence import (
    then_the_recording_shows_the_site,
    then_the_sheet_is_sealed,
    then_the_sheet_tells_the_story,
    then_the_timeline_is_complete,
)
from tests.e2e.people import PLAN, REPORT, Applicant, Official, photo, press, report
from tests.e2e.service import DemoService

SECONDS_OF_VIDEO = 12


async def test_a_case_walks_from_the_phone_to_the_archive(
    demo: DemoService, browsers: Browsers, tmp_path: Path
) -> None:
    phone = Applicant(await browsers.phone(), demo)
    number = await _file_and_supplement(phone, demo, browsers, tmp_path)
    li, zhao = await _invite(phone, demo, browsers)
    await _inspect(phone, li, zhao)
    await _sign(phone, li, zhao)
    await _decide_and_evaluate(phone, li)
    await _close_the_loop(demo, browsers)
    await _oversee(phone, number, demo, browsers)
    assert not browsers.troubles


async def _file_and_supplement(phone: Applicant, demo: DemoService, browsers: Browsers, folder: Path) -> str:
    number = await phone.apply({PLAN: photo(folder)})
    companion = Official(await browsers.desk(), demo, await phone.companion())
    await shoot(phone.page, "phone-progress")
    await companion.log_in()
    await shoot(companion.page, "desk-worklist")
    await companion.open_case(phone.case_id)
    await companion.notice_gap(REPORT, "请补交有资质机构出具的检测报告")
    # The phone was not touched: the page changes by itself.
    await phone.page.get_by_text("请补交有资质机构出具的检测报告").wait_for()
    await shoot(phone.page, "phone-notice")
    await phone.upload(REPORT, report(folder))
    await press(phone.page, "补齐了，提交")
    await companion.accept()
    await expect(phone.page.get_by_text("已受理").first).to_be_visible()
    await shoot(companion.page, "desk-case")
    return number


async def _invite(phone: Applicant, demo: DemoService, browsers: Browsers) -> tuple[Official, Official]:
    li, zhao = Official(await browsers.desk(), demo, "li"), Official(await browsers.desk(), demo, "zhao")
    for official in (li, zhao):
        await official.log_in()
    await li.open_case(phone.case_id)
    await li.plan("远程视频", "赵刚")
    await li.offer_slot()
    await phone.page.get_by_text(re.compile("这个时间可以")).wait_for()
    await phone.open_link()
    await shoot(phone.page, "phone-invitation")
    await press(phone.page, "发送验证码")
    await phone.prove_phone()
    await phone.join()
    await shoot(phone.page, "phone-waiting")
    return li, zhao


async def _inspect(phone: Applicant, li: Official, zhao: Official) -> None:
    for official in (li, zhao):
        await official.page.goto(f"/desk/inspections/{phone.inspection_id}")
    await press(li.page, "开始勘验并录像")
    for page in (li.page, phone.page):
        await page.get_by_text("正在录音录像").first.wait_for()
    for number in range(3):
        await press(li.page, re.compile("^拍照取证"), exact=False)
        await expect(li.page.get_by_role("list", name="照片").get_by_role("listitem")).to_have_count(1)
        if number == 1:
            await shoot(li.page, "desk-room")
            await shoot(phone.page, "phone-room")
        await li.judge()
    await li.judge("不适用")
    for _ in range(12):
        await li.judge()
    await asyncio.sleep(SECONDS_OF_VIDEO / 2)
    await press(li.page, "1 告知结果")
    await press(li.dialog, "已经说明")
    await press(li.page, "2 结束勘验")
    await press(li.dialog, "结束勘验")
    await phone.page.get_by_text("勘验结束，辛苦了").wait_for()
    await shoot(phone.page, "phone-ended")


async def _sign(phone: Applicant, li: Official, zhao: Official) -> None:
    await phone.sign()
    await shoot(phone.page, "phone-signed")
    await li.sign(phone.inspection_id)
    await zhao.sign(phone.inspection_id)
    await zhao.page.get_by_text("勘验单已签章归档").wait_for()
    await shoot(zhao.page, "desk-signed")


async def _decide_and_evaluate(phone: Applicant, li: Official) -> None:
    await li.open_case(phone.case_id)
    await press(li.page, "作出决定")
    await li.dialog.get_by_text("准予许可").first.click()
    await li.dialog.get_by_label("理由").fill("申请材料齐全，远程勘验全部符合要求。")
    await press(li.dialog, "准予许可")
    await phone.page.goto(f"/cases/{phone.case_id}")
    await phone.page.get_by_text("准予许可").first.wait_for()
    await shoot(phone.page, "phone-granted")
    await phone.page.get_by_role("radiogroup").get_by_text("不满意", exact=True).click()
    await phone.page.get_by_label("哪里没办好？我们来改").fill("等候时间太长")
    await press(phone.page, "提交评价")
    await press(phone.page.get_by_role("dialog"), "提交")
    await phone.page.get_by_text("您的意见已作为诉求办理").wait_for()


async def _close_the_loop(demo: DemoService, browsers: Browsers) -> None:
    yang = Official(await browsers.desk(), demo, "yang")
    await yang.log_in()
    await yang.page.goto("/desk/complaints")
    await press(yang.page, "答复")
    await yang.dialog.get_by_role("textbox").fill("已增开窗口，向您致歉。")
    await yang.dialog.get_by_role("button").last.click()
    await press(yang.page, "登记回访")
    await shoot(yang.page, "desk-callback")
    await yang.dialog.get_by_text(re.compile("^没打通")).click()
    await press(yang.dialog, "登记")
    await expect(yang.dialog).to_have_count(0)
    await press(yang.page, "登记回访")
    await yang.dialog.get_by_text(re.compile("^解决了")).click()
    await press(yang.dialog, "登记")
    await expect(yang.page.get_by_role("button", name="登记回访")).to_have_count(0)
    await shoot(yang.page, "desk-complaints")


async def _oversee(phone: Applicant, number: str, demo: DemoService, browsers: Browsers) -> None:
    """Finds the case, reads every event, opens the sheet, plays the recording."""
    han = Official(await browsers.desk(), demo, "han")
    await han.log_in()
    await han.page.goto("/desk/oversight")
    await han.page.get_by_label("查找办件").fill(number)
    await han.page.get_by_role("link", name=re.compile(number)).first.click()
    await han.page.get_by_text("评价").first.wait_for()
    await shoot(han.page, "desk-timeline")
    timeline = await _json(han.page, f"/api/v1/cases/{phone.case_id}/timeline")
    then_the_timeline_is_complete(timeline["entries"])
    inspection = await _json(han.page, f"/api/v1/inspections/{phone.inspection_id}")
    sheet = await _bytes(han.page, inspection["sheet"]["pdf_url"])
    record = await _bytes(han.page, inspection["sheet"]["record_url"])
    await then_the_sheet_is_sealed(sheet, record, inspection["sheet"], demo.data / "keys" / "seal")
    then_the_sheet_tells_the_story(sheet, number)
    part = next(one for one in inspection["recordings"] if one["participant"].startswith("guest:"))
    film = await _bytes(han.page, part["url"])
    then_the_recording_shows_the_site(film, part)
    await _play(han.page, part["url"])


async def _play(page: Page, url: str) -> None:
    """In the supervisor's own browser, through his own session; the picture moves."""
    played = await page.evaluate(
        """async (url) => {
            const video = document.createElement('video');
            video.muted = true;
            video.src = url;
            document.body.append(video);
            await new Promise((done, failed) => {
                video.onloadeddata = done;
                video.onerror = () => failed(video.error.message);
            });
            await video.play();
            await new Promise((done) => { video.ontimeupdate = () => video.currentTime > 1 && done(); });
            const { totalVideoFrames } = video.getVideoPlaybackQuality();
            return { width: video.videoWidth, duration: video.duration, frames: totalVideoFrames };
        }""",
        url,
    )
    assert played["width"] >= 320
    assert played["duration"] > 5
    assert played["frames"] > 2


async def _json(page: Page, url: str) -> Any:
    return json.loads(await _bytes(page, url))


async def _bytes(page: Page, url: str) -> bytes:
    answer = await page.request.get(url)
    assert answer.ok, f"{url}: {answer.status} {await answer.text()}"
    return await answer.body()
