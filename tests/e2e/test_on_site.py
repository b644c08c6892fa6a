"""The inspection on site: both inspectors at the pool, the checklist on their phones, signatures, a sealed sheet."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from typing import Any

from playwright.async_api import expect

from tests.e2e.browsers import Browsers, shoot
from tests.e2e.evidence import then_the_sheet_is_sealed
from tests.e2e.given import Office, accepted_case, eventually, ok
from tests.e2e.looks import Findings
from tests.e2e.people import Applicant, FieldInspector, Official, press, sign, tomorrow
from tests.e2e.service import DemoService

POOL, HAIRDRESSER = "sports-swimming", "hygiene-hair-beauty"
PHONE = "13905320003"
TO_MEND = "池壁有两块瓷砖破损，须更换"


async def test_a_pool_is_inspected_on_site_and_what_is_to_be_mended_stands_in_the_way_of_the_licence(
    demo: DemoService, browsers: Browsers
) -> None:
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, POOL, PHONE)
        applicant = Applicant(await browsers.phone(), demo, phone=PHONE, case_id=office.case_id)
        desk = Official(await browsers.desk(), demo, "li")
        await _plan(desk, applicant)
        li, zhao = [FieldInspector(await browsers.phone(), demo, login) for login in ("li", "zhao")]
        findings = Findings()
        await _walk(li, zhao, applicant, findings)
        await _sign(li, zhao, applicant, findings)
        findings.then_nothing_was_found()
        await _then_the_sheet_says_so(office, applicant)
        await _then_both_read_what_is_to_be_mended(office, desk, applicant)
        await _then_it_cannot_be_granted(office, desk)
        await _then_the_record_says_where(office)
    asked_to_log_in = "401"
    assert not [trouble for trouble in browsers.troubles if asked_to_log_in not in trouble]


async def _plan(desk: Official, applicant: Applicant) -> None:
    """The law forbids the remote way here, and the dialog says so."""
    await desk.log_in()
    await desk.open_case(applicant.case_id)
    await press(desk.page, "安排勘验")
    await expect(desk.dialog.get_by_role("radio", name="远程视频")).to_be_disabled()
    await expect(desk.dialog.get_by_text("体育法第一百零五条要求实地核查，视频不能代替。")).to_be_visible()
    await shoot(desk.page, "desk-plan-on-site")
    await press(desk.dialog, "取消")
    await desk.plan("上门现场", "赵刚")
    await desk.offer_slot()
    await _agree_to_the_time(applicant)
    link = desk.page.get_by_role("link", name="进入勘验")
    applicant.inspection_id = str(await link.get_attribute("href")).rsplit("/", 1)[1]


async def _agree_to_the_time(applicant: Applicant) -> None:
    """By the link of the message, as one who has never logged in."""
    await eventually(applicant.demo.messages, lambda sent: "/i#" in sent[0]["text"], "the message with the link")
    await applicant.open_link()
    await press(applicant.page, "发送验证码")
    await applicant.prove_phone()
    await press(applicant.page, "可以，到时见")
    await applicant.page.get_by_role("heading", name="已约好上门勘验").wait_for()
    await shoot(applicant.page, "phone-on-site-agreed")


async def _walk(li: FieldInspector, zhao: FieldInspector, applicant: Applicant, findings: Findings) -> None:
    for inspector in (li, zhao):
        await inspector.open(applicant.inspection_id)
        await inspector.arrive()
    await shoot(li.page, "phone-field-arrival")
    await findings.look(li.page, "arrival", touch=True)
    await press(li.page, "开始勘验")
    await li.open_camera()
    await li.take_still()
    await shoot(li.page, "phone-field-walk")
    await findings.look(li.page, "the walk", touch=True)
    total = await li.judge()
    for number in range(2, total + 1):
        if number == 11:
            await li.take_still()
            await li.judge("限期整改", note=TO_MEND, mend_by=tomorrow())
        else:
            await li.judge()
    await press(li.page, "已当面告知申请人")
    await li.page.get_by_text("已告知申请人").wait_for()
    await shoot(li.page, "phone-field-findings")
    await press(li.page, "结束勘验")
    await press(li.page.get_by_role("dialog"), "结束")


async def _sign(li: FieldInspector, zhao: FieldInspector, applicant: Applicant, findings: Findings) -> None:
    """The inspectors where they stand, the applicant from the page of his case."""
    await sign(li.page)
    await sign(zhao.page)
    await applicant.page.goto(f"/cases/{applicant.case_id}")
    await applicant.log_in()
    await applicant.page.get_by_role("link", name="看勘验单并签名").click()
    await applicant.page.get_by_role("img", name="手写签名区").wait_for()
    await findings.look(applicant.page, "the sheet", touch=True)
    await sign(applicant.page)
    await applicant.page.get_by_text("勘验单已签章归档").wait_for()


async def _then_the_sheet_says_so(office: Office, applicant: Applicant) -> None:
    view = await office.inspection(applicant.inspection_id)
    assert [view["brief"][name] for name in ("mode", "outcome", "status")] == ["on-site", "rectify", "sealed"]
    pdf, content = [
        ok(await office.li.get(view["sheet"][url].removeprefix("/api/v1"))).body for url in ("pdf_url", "record_url")
    ]
    await then_the_sheet_is_sealed(pdf, content, view["sheet"], office.demo.data / "keys" / "seal")
    record: dict[str, Any] = json.loads(content)
    assert (record["inspection"]["mode"], record["outcome"], record["notice"]) == ("on-site", "rectify", None)
    assert record["recordings"] == []
    mended = [item for item in record["items"] if item["verdict"] == "rectify-by"]
    assert [(item["note"], len(item["stills"])) for item in mended] == [(TO_MEND, 1)]
    assert record["findings"]["mend"] == [{"code": mended[0]["code"], "what": TO_MEND, "by": tomorrow()}]
    assert len(record["findings"]["passed"]) == len(record["items"]) - 1
    assert [bool(one["present"]) for one in record["participants"]] == [False, True, True]


async def _then_both_read_what_is_to_be_mended(office: Office, desk: Official, applicant: Applicant) -> None:
    await desk.open_case(office.case_id)
    await applicant.page.goto(f"/cases/{office.case_id}")
    for page in (desk.page, applicant.page):
        card = page.get_by_role("region", name="要整改的项目")
        await expect(card).to_contain_text(TO_MEND)
        await expect(card).to_contain_text("复核通过后才能准予许可")


async def _then_the_record_says_where(office: Office) -> None:
    """What was done on the page for the premises was done there, by its header."""
    timeline = ok(await office.li.get(f"/cases/{office.case_id}/timeline")).value["entries"]
    places = {one["channel"] for one in timeline if one["topic"] in ("arrived-on-site", "still-taken", "item-judged")}
    assert places == {"field"}


async def _then_it_cannot_be_granted(office: Office, desk: Official) -> None:
    """Neither in the dialog, which says why, nor past it."""
    await desk.open_case(office.case_id)
    await press(desk.page, "作出决定")
    await expect(desk.dialog.get_by_text("最近一次勘验结论是“整改后复核”，复核通过后才能准予")).to_be_visible()
    await expect(desk.dialog.get_by_role("radio", name="准予许可", exact=True)).to_be_disabled()
    await expect(desk.dialog.get_by_role("radio", name="不予许可")).to_be_enabled()
    await shoot(desk.page, "desk-decide-blocked")
    refused = await office.li.post(f"/cases/{office.case_id}/decide", {"granted": True, "reasons": "符合条件"})
    assert (refused.status, refused.code) == (409, "wrong-state")
    assert "不能准予许可" in refused.value["title"]


async def test_who_refuses_the_remote_way_keeps_his_turn(demo: DemoService) -> None:
    async with AsyncExitStack() as stack:
        first = await accepted_case(demo, stack, HAIRDRESSER, PHONE)
        second = await accepted_case(demo, stack, HAIRDRESSER, "13905320004")
        ids = [await first.plan("remote"), await second.plan("remote")]
        for office, inspection_id, ahead in ((first, ids[0], 10), (second, ids[1], 60)):
            await office.offer(inspection_id, minutes_ahead=ahead)
        before = await _standing(first, ids[0])
        ok(await first.applicant.post(f"/inspections/{ids[0]}/refuse-remote", {"reason": "prefers-on-site"}))

        async def look() -> dict[str, Any]:
            return await _standing(first, ids[0])

        after = await eventually(look, lambda found: found["mode"] == "on-site", "the other mode")
        owed = {"mode": "on-site", "status": "planned", "starts_at": None, "ends_at": None}
        assert after == before | owed  # a call's time is no time for a visit; all else stays
        assert [one["id"] for one in (await first.li.get("/inspections"))["inspections"]] == ids


async def _standing(office: Office, inspection_id: str) -> dict[str, Any]:
    """What must not become worse by a refusal: inspectors, deadline, companion; and the time that is agreed on anew."""
    brief = (await office.inspection(inspection_id))["brief"]
    case = ok(await office.applicant.get(f"/cases/{office.case_id}")).value
    kept = {name: brief[name] for name in ("mode", "status", "starts_at", "ends_at", "inspectors")}
    return kept | {"companion": case["summary"]["companion"]["id"], "due": case["summary"].get("deadline")}
