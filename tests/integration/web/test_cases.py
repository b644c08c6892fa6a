from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import pytest

from cases.case import Case
from cases.permissions import person_id
from tests.builders import RESTAURANT, form_values, uid
from tests.integration.web.world import ITEM, Answer, Browser, World, companion_of, file_case, photo

PHONE, OTHER = "13800138000", "13900139000"


@pytest.fixture
async def applicant(world: World) -> AsyncIterator[Browser]:
    async with world.browser() as browser:
        await browser.enter(PHONE, world)
        yield browser


async def test_an_application_gets_a_number_a_companion_and_a_page(applicant: Browser) -> None:
    filed = await file_case(applicant)
    page = await applicant.get(f"/cases/{filed['answer']['number']}")
    assert page["summary"]["status"] == "received"
    assert page["summary"]["companion"]["name"].startswith("人员")
    assert page["summary"]["applicant"] == "海风小馆"
    assert {"WithdrawCase", "OpenReturnVisit"} <= set(page["may"])
    assert "AcceptCase" not in page["may"]
    assert [case["number"] for case in (await applicant.get("/cases"))["cases"]] == [filed["answer"]["number"]]


async def test_the_same_action_sent_twice_is_done_once(applicant: Browser) -> None:
    key, body = uuid4(), {"item": RESTAURANT, "form": form_values(ITEM)}
    first, second = await applicant.post("/cases", body, key=key), await applicant.post("/cases", body, key=key)
    assert first["answer"] == second["answer"]
    assert (await applicant.get("/cases"))["total"] == 1


async def test_a_key_of_one_person_opens_nothing_for_another(applicant: Browser, world: World) -> None:
    key, body = uuid4(), {"item": RESTAURANT, "form": form_values(ITEM)}
    mine = await applicant.post("/cases", body, key=key)
    async with world.browser() as other:
        await other.enter(OTHER, world)
        theirs = await other.post("/cases", body, key=key)
    assert theirs["answer"]["case_id"] != mine["answer"]["case_id"]


async def test_what_one_may_not_see_is_not_there(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    attachment = (await applicant.get(f"/cases/{filed['answer']['case_id']}"))["materials"][0]["attachments"][0]
    async with world.browser() as other, world.browser() as foreign:
        await other.enter(OTHER, world)
        await foreign.log_in("foreign")
        for stranger in (other, foreign):
            there = await stranger.get(f"/cases/{filed['answer']['case_id']}")
            nowhere = await stranger.get(f"/cases/{uuid4()}")
            assert (there.status, there.value) == (404, nowhere.value)
            assert (await stranger.get(f"/attachments/{attachment['id']}")).status == 404
            assert (await stranger.get("/cases?view=all"))["cases"] == []


async def test_attachments_are_shown_to_the_office_and_saved_not_opened(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    attachment = (await applicant.get(f"/cases/{filed['answer']['case_id']}"))["materials"][0]["attachments"][0]
    assert attachment["name"].endswith(".jpg")
    officer = await companion_of(world, filed)
    async with officer:
        display = await officer.get(attachment["url"].removeprefix("/api/v1"))
        assert (display.status, display.headers["Content-Type"]) == (200, "image/jpeg")
        original = await officer.get(f"/attachments/{attachment['id']}?variant=original")
        assert original.headers["Content-Disposition"] == "attachment"
        assert "sandbox" in original.headers["Content-Security-Policy"]
        assert original.body.startswith(b"\xff\xd8")


async def test_the_companion_asks_once_and_the_applicant_supplements(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant, core=False)
    case = f"/cases/{filed['answer']['case_id']}"
    core = [material.code for material in ITEM.materials if material.kind == "core"]
    async with await companion_of(world, filed) as officer:
        early = await officer.post(f"{case}/accept")
        assert (early.status, early.code) == (409, "wrong-state")
        gaps = [{"target": code, "what": "请上传清晰照片"} for code in core]
        assert (await officer.post(f"{case}/gap-notice", {"gaps": gaps})).status == 200
        page = await applicant.get(case)
        assert page["summary"]["needs"] == "applicant"
        assert page["notices"][0]["gaps"][0]["what"] == "请上传清晰照片"
        assert "SupplementCase" in page["may"]
        materials = []
        for code in core:
            file = await applicant.upload(photo(), "补.jpg", "image/jpeg")
            materials.append({"material": code, "attachments": [file["id"]]})
        assert (await applicant.post(f"{case}/supplement", {"materials": materials})).status == 200
        assert (await officer.post(f"{case}/accept")).status == 200
        accepted = await officer.get(case)
        assert accepted["summary"]["status"] == "accepted"
        assert accepted["summary"]["deadline"]["days"] == ITEM.promised.days
        again = await officer.post(f"{case}/accept")
        assert (again.status, again.code) == (409, "wrong-state")


async def test_of_two_officers_who_act_at_once_one_is_told_the_case_moved_on(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    case = f"/cases/{filed['answer']['case_id']}"
    async with await companion_of(world, filed) as one, await companion_of(world, filed) as two:
        answers = await asyncio.gather(one.post(f"{case}/accept"), two.post(f"{case}/accept"))
    assert sorted(answer.status for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status == 409)
    assert refused.code in ("wrong-state", "version-conflict")


async def test_a_colleague_without_the_right_is_told_whom_to_ask(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    async with world.browser() as reviewer:
        await reviewer.log_in("reviewer")
        answer = await reviewer.post(f"/cases/{filed['answer']['case_id']}/accept")
    assert (answer.status, answer.code) == (403, "not-permitted")


async def test_an_applicant_cannot_use_a_staff_page(applicant: Browser) -> None:
    assert (await applicant.post(f"/cases/{uuid4()}/accept")).code == "wrong-login"


async def test_a_supervisor_finds_a_case_by_phone_and_reads_every_event(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    async with world.browser() as supervisor:
        await supervisor.log_in("supervisor")
        found = await supervisor.get(f"/oversight/cases?q={PHONE}")
        assert [case["number"] for case in found["cases"]] == [filed["answer"]["number"]]
        timeline = await supervisor.get(f"/cases/{filed['answer']['case_id']}/timeline")
    assert [entry["topic"] for entry in timeline["entries"]] == ["case-received", "companion-assigned"]
    first, second = timeline["entries"]
    assert (first["channel"], first["channel_label"]["zh"]) == ("phone", "手机")
    # The command was the applicant's; the choice was the rule's, on his page as well.
    assert (second["actor_name"], second["channel_label"]["zh"]) == ("系统", "系统")
    assert second["about"]["zh"] == (await applicant.get("/cases"))["cases"][0]["companion"]["name"]
    steps = (await applicant.get(f"/cases/{filed['answer']['case_id']}"))["steps"]
    assert [(step["by"], step["channel"]) for step in steps] == [("申请人", "phone"), ("系统", "system")]


async def test_a_page_hears_of_every_change(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    case = f"/cases/{filed['answer']['case_id']}"
    async with applicant.http.get(f"/api/v1{case}/live") as stream, await companion_of(world, filed) as officer:
        assert stream.headers["Content-Type"].startswith("text/event-stream")
        await officer.post(f"{case}/accept")
        async with asyncio.timeout(10):
            while not (await stream.content.readline()).startswith(b"event: changed"):
                pass


async def test_a_page_that_was_away_is_told_at_once_that_it_missed_something(applicant: Browser) -> None:
    filed = await file_case(applicant)
    headers = {"Last-Event-ID": "1"}
    async with applicant.http.get(f"/api/v1/cases/{filed['answer']['case_id']}/live", headers=headers) as stream:
        async with asyncio.timeout(10):
            while not (await stream.content.readline()).startswith(b"event: changed"):
                pass


async def test_after_logging_out_the_page_hears_nothing_more(applicant: Browser) -> None:
    filed = await file_case(applicant)
    async with applicant.http.get(f"/api/v1/cases/{filed['answer']['case_id']}/live") as stream:
        await applicant.post("/logout")
        async with asyncio.timeout(10):
            while await stream.content.readline():
                pass


async def test_colleagues_of_the_same_office_can_be_chosen(world: World, browser: Browser) -> None:
    await browser.log_in("reviewer")
    people = (await browser.get("/colleagues?role=reviewer"))["people"]
    assert {UUID(person["id"].partition(":")[2]) for person in people} == {uid("reviewer"), uid("second")}
    assert all(person["certificate"] for person in people)


async def person_of(world: World, filed: Answer) -> UUID:
    case = await world.services.store.get(Case, UUID(filed["answer"]["case_id"]))
    return person_id(case.applicant)


async def test_what_the_companion_scanned_lies_under_the_applicants_key(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant, core=False)
    case = f"/cases/{filed['answer']['case_id']}"
    person = await person_of(world, filed)
    core = [material.code for material in ITEM.materials if material.kind == "core"]
    async with await companion_of(world, filed) as officer:
        await officer.post(f"{case}/gap-notice", {"gaps": [{"target": core[0], "what": "请到窗口补交"}]})
        id = UUID((await officer.upload(photo(), "补.jpg", "image/jpeg"))["id"])
        materials = [{"material": core[0], "attachments": [str(id)]}]
        assert (await officer.post(f"{case}/supplement", {"materials": materials})).status == 200
    cipher = await world.services.store.vault.cipher(person, id)
    for variant in ("original", "display", "thumbnail"):
        assert cipher.open(await world.services.attachments.get(id, variant))
    assert (await applicant.get(f"/attachments/{id}")).status == 200


async def test_a_file_can_be_read_and_claimed_again_after_a_crash_amid_its_change_of_key(
    applicant: Browser, world: World
) -> None:
    """Some variants lie under the applicant's key already, the others and the row still under the officer's."""
    filed = await file_case(applicant, core=False)
    files, person = world.services.files, await person_of(world, filed)
    async with await companion_of(world, filed) as officer:
        id = UUID((await officer.upload(photo(), "补.jpg", "image/jpeg"))["id"])
    before = await files.get(id)
    display = await files.content(before, "display")
    cipher = await world.services.store.vault.cipher(person, id)
    await world.services.attachments.put(id, {"display": cipher.seal(display)})
    assert await files.content(before, "display") == display
    await files.claim([id], before.owner, person)
    after = await files.get(id)
    assert (after.subject, after.name) == (person, before.name)
    for variant in ("original", "display", "thumbnail"):
        assert cipher.open(await world.services.attachments.get(id, variant)) == await files.content(before, variant)


async def test_a_lost_note_of_where_a_file_belongs_is_found_again(applicant: Browser, world: World) -> None:
    filed = await file_case(applicant)
    await world.services.database.execute("UPDATE web.files SET case_id = NULL")
    attachment = (await applicant.get(f"/cases/{filed['answer']['case_id']}"))["materials"][0]["attachments"][0]
    async with await companion_of(world, filed) as officer:
        assert (await officer.get(f"/attachments/{attachment['id']}")).status == 200


async def test_a_file_belongs_to_the_case_that_it_was_filed_with(applicant: Browser) -> None:
    uploaded = (await applicant.upload(photo(), "布局图.jpg", "image/jpeg"))["id"]
    material = next(m.code for m in ITEM.materials if m.kind == "core")
    body = {
        "item": RESTAURANT,
        "form": form_values(ITEM),
        "materials": [{"material": material, "attachments": [uploaded]}],
    }
    assert (await applicant.post("/cases", body)).status == 200
    again = await applicant.post("/cases", body)
    assert (again.status, again.code) == (404, "attachment-missing")
    assert (await applicant.get("/cases"))["total"] == 1
