"""`kill -9` of the whole service while an inspection is being recorded, and what is there afterwards."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import expect

from inspection.recorder import journal_path
from inspection.recording.recover import VerifyReport, verify
from tests.e2e.browsers import Browsers
from tests.e2e.evidence import then_the_recording_shows_the_site, then_the_sheet_is_sealed
from tests.e2e.given import Office, accepted_case, eventually, ok
from tests.e2e.people import Applicant, Official, press
from tests.e2e.service import DemoService

ITEM, PHONE = "hygiene-hair-beauty", "13905320002"
MAY_BE_LOST = timedelta(seconds=2)
RECORDED_BEFORE = 6.0  # seconds


@dataclass
class Room:
    """An inspection under way, and the windows through which everybody takes part."""

    office: Office
    link: str
    phone: Applicant
    li: Official
    zhao: Official

    @property
    def id(self) -> str:
        return self.phone.inspection_id

    def journal(self, part: int) -> Path:
        return journal_path(self.office.demo.data / "recordings", UUID(self.id), f"guest:{self.id}", part)

    async def recordings(self) -> list[dict[str, Any]]:
        """The parts of the phone's recording, as the pages show them."""
        found = (await self.office.inspection(self.id))["recordings"]
        return sorted((one for one in found if one["participant"].startswith("guest:")), key=lambda one: one["part"])

    async def recorded(self, part: int, seconds: float) -> None:
        """Until so much of a part lies on the disk and is bound by its chain."""

        async def look() -> float:
            if not self.journal(part).exists():
                return 0.0
            return _seconds(await asyncio.to_thread(verify, self.journal(part)), since)

        since = time.time()
        await eventually(look, lambda found: found >= seconds, f"{seconds} s of part {part}")


def _seconds(report: VerifyReport, since: float) -> float:
    return 0.0 if report.until is None else report.until - since


@pytest.fixture
async def room(demo: DemoService, browsers: Browsers) -> AsyncIterator[Room]:
    """Recording since some seconds, two items judged, one of them with a still."""
    async with AsyncExitStack() as stack:
        office = await accepted_case(demo, stack, ITEM, PHONE)
        inspection_id = await office.plan("remote")
        link = await office.offer(inspection_id)
        phone = Applicant(await browsers.phone(), demo, phone=PHONE, case_id=office.case_id)
        li, zhao = Official(await browsers.desk(), demo, "li"), Official(await browsers.desk(), demo, "zhao")
        await phone.open_link()
        await press(phone.page, "发送验证码")
        await phone.prove_phone()
        await phone.join()
        for official in (li, zhao):
            await official.log_in()
            await official.page.goto(f"/desk/inspections/{inspection_id}")
        room = Room(office, link, phone, li, zhao)
        await press(li.page, "开始勘验并录像")
        await phone.page.get_by_text("正在录音录像").wait_for()
        await press(li.page, re.compile("^拍照取证"), exact=False)
        await expect(li.page.get_by_role("list", name="照片").get_by_role("listitem")).to_have_count(1)
        await li.judge()
        await li.judge()
        await room.recorded(1, RECORDED_BEFORE)
        yield room


async def test_a_killed_service_comes_back_with_its_recording_and_the_inspection_is_finished(
    room: Room, browsers: Browsers
) -> None:
    demo = room.office.demo
    killed_at = await _kill(room)
    await asyncio.to_thread(demo.start)
    await _everybody_is_back_by_himself(room)
    part = await _the_recording_is_there(room, killed_at)
    await _the_link_still_leads_back(room, browsers)
    await expect(room.li.page.get_by_text(re.compile(r"^2 / \d+$"))).to_be_visible()
    await _finish(room)
    await _then_the_record_tells_of_the_gap(room, part)
    await asyncio.to_thread(demo.stop)
    checked = await asyncio.to_thread(demo.run, "verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "Everything holds." in checked.stdout


async def _kill(room: Room) -> datetime:
    """Nothing of the service is left, and everybody's page says so."""
    demo = room.office.demo
    assert len(demo.processes()) > 3  # the database's
    killed_at = datetime.now(UTC)
    await asyncio.to_thread(demo.kill)

    async def left() -> dict[int, str]:
        return demo.processes()

    await eventually(left, lambda found: not found, "the database to end with the service")
    await room.phone.page.get_by_text("正在重新连接").wait_for()
    for official in (room.li, room.zhao):
        await official.page.get_by_text("正在自动重连").wait_for()
    report = await asyncio.to_thread(verify, room.journal(1))
    assert report.until is not None
    assert datetime.fromtimestamp(report.until, UTC) >= killed_at - MAY_BE_LOST
    return killed_at


async def _everybody_is_back_by_himself(room: Room) -> None:
    """No hand touches a page; the recording goes on as the next part."""
    for page in (room.phone.page, room.li.page, room.zhao.page):
        await page.get_by_text("正在录音录像").wait_for()
        await expect(page.get_by_text(re.compile("正在自动重连|正在重新连接|正在进入房间"))).to_have_count(0)
    await room.recorded(2, 2.0)


async def _the_recording_is_there(room: Room, killed_at: datetime) -> dict[str, Any]:
    """Up to two seconds before the end; every head that the record holds is a link of its chain."""
    parts = await eventually(room.recordings, lambda found: len(found) > 1, "the second part")
    first = parts[0]
    assert [one["status"] for one in parts] == ["recovered", "running"]
    assert datetime.fromisoformat(first["last"]) >= killed_at - MAY_BE_LOST
    heads = [first["head"], *await _heads_in_the_record(room, part=1)]
    assert len(heads) > 1
    for head in heads:
        report = await asyncio.to_thread(verify, room.journal(1), head)
        assert report.ok
        assert report.recovered
    film = ok(await room.office.li.get(first["url"].removeprefix("/api/v1")))
    await asyncio.to_thread(then_the_recording_shows_the_site, film.body, first)
    return first


async def _heads_in_the_record(room: Room, part: int) -> list[str]:
    """As they were noted while the recording went on."""
    entries = ok(await room.office.li.get(f"/cases/{room.office.case_id}/timeline"))["entries"]
    facts = [entry["facts"] for entry in entries if entry["topic"] == "recording-head"]
    return [fact["head"] for fact in facts if fact["part"] == part and fact["participant"] == f"guest:{room.id}"]


async def _the_link_still_leads_back(room: Room, browsers: Browsers) -> None:
    """On the phone that proved itself without a code; a foreign one is asked for it."""
    foreign = await browsers.phone()
    await foreign.goto(room.link)
    await foreign.get_by_role("heading", name="先确认是您本人").wait_for()
    await foreign.close()
    messages = len(await room.office.demo.messages())
    await room.phone.page.goto(room.link)
    await room.phone.enter_room()
    await room.phone.page.get_by_text("正在录音录像").wait_for()
    assert len(await room.office.demo.messages()) == messages
    await room.recorded(3, 2.0)


async def _finish(room: Room) -> None:
    path = f"/inspections/{room.id}"
    await room.office.judge_the_rest(room.id)
    ok(await room.office.li.post(f"{path}/findings"))
    ok(await room.office.li.post(f"{path}/end"))
    await room.phone.page.get_by_text("勘验结束，辛苦了").wait_for()
    for signer in (room.phone.sign(), room.li.sign(room.id), room.zhao.sign(room.id)):
        await signer
    await room.zhao.page.get_by_text("勘验单已签章归档").wait_for()


async def _then_the_record_tells_of_the_gap(room: Room, part: dict[str, Any]) -> None:
    """The sheet's record: judged before, silent between, recorded after."""
    view = await room.office.inspection(room.id)
    pdf, content = [
        ok(await room.office.li.get(view["sheet"][url].removeprefix("/api/v1"))).body
        for url in ("pdf_url", "record_url")
    ]
    await then_the_sheet_is_sealed(pdf, content, view["sheet"], room.office.demo.data / "keys" / "seal")
    record = json.loads(content)
    assert len([one for one in record["items"] if one["verdict"] == "pass"]) >= 2
    recorded = [one for one in record["recordings"] if one["participant"].startswith("guest:")]
    assert [one["part"] for one in recorded][:3] == ["1", "2", "3"]
    assert recorded[0]["digest"] == part["head"]
    gap = next(one for one in recorded[1]["gaps"] if one["reason"] == "disconnected")
    assert abs(datetime.fromisoformat(gap["from"]) - datetime.fromisoformat(part["last"])) < timedelta(seconds=0.1)
    assert gap["to"] == recorded[1]["from"]
