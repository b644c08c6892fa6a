from __future__ import annotations

from pathlib import Path
from uuid import UUID, uuid4

import pytest

from cases.commands import AppointStaff, NoteInspection
from eventstore import EventStore
from tests.builders import uid
from tests.database import Database
from tests.integration.web.world import SYSTEM, Browser, World, companion_of, file_case, open_world, photo
from web.app import ALL_ROUTES

PHONE = "13800138000"


async def decided(world: World, applicant: Browser) -> str:
    """A case refused after its inspection; its path."""
    await applicant.enter(PHONE, world)
    filed = await file_case(applicant)
    path = f"/cases/{filed['answer']['case_id']}"
    async with await companion_of(world, filed) as officer, world.browser() as reviewer:
        assert (await officer.post(f"{path}/accept")).status == 200
        note = NoteInspection(
            case_id=UUID(filed["answer"]["case_id"]), inspection_id=uid("inspection"), stage="sealed", mode="on-site",
            outcome="failed", on_the_spot=True,
        )  # fmt: skip
        await world.do(SYSTEM, note)
        await reviewer.log_in("reviewer")
        answer = await reviewer.post(f"{path}/decide", {"granted": False, "reasons": "后厨与厕所未隔开。"})
        assert answer.status == 200, answer.value
    return path


async def test_a_bad_rating_becomes_a_complaint_that_only_the_callback_ends(world: World, browser: Browser) -> None:
    path = await decided(world, browser)
    page = await browser.get(path)
    assert [remedy["code"] for remedy in page["decision"]["remedies"]] == [
        "reconsideration-60-days",
        "litigation-6-months",
    ]
    assert "EvaluateCase" in page["may"]
    assert (await browser.post(f"{path}/evaluate", {"level": 1, "comment": "没有说清楚"})).status == 200
    await world.settle()
    async with world.browser() as officer:
        await officer.log_in("complaints")
        complaint = (await officer.get("/complaints"))["complaints"][0]
        assert (complaint["comment"], complaint["contact"]["phone"]) == ("没有说清楚", PHONE)
        assert complaint["may"] == ["AnswerComplaint"]
        assert complaint["office_name"]
        async with world.browser() as supervisor:  # looks on, and calls nobody
            await supervisor.log_in("supervisor")
            assert (await supervisor.get("/complaints"))["complaints"][0]["contact"]["phone"] is None
        at = f"/complaints/{complaint['id']}"
        assert (await officer.post(f"{at}/callback", {"result": "solved"})).code == "wrong-state"
        assert (await officer.post(f"{at}/answer", {"reply": "已当面说明整改办法。"})).status == 200
        assert (await officer.post(f"{at}/callback", {"result": "not-reached"})).status == 200
        assert (await officer.get("/complaints"))["complaints"][0]["status"] == "answered"
        assert (await officer.post(f"{at}/callback", {"result": "solved"})).status == 200
        assert (await officer.get("/complaints"))["complaints"][0]["status"] == "solved"


async def test_an_anonymous_rating_is_seen_by_its_author_only(world: World, browser: Browser) -> None:
    path = await decided(world, browser)
    rating = {"level": 1, "comment": "不想让人知道是我", "real_named": False}
    assert (await browser.post(f"{path}/evaluate", rating)).status == 200
    assert (await browser.get(path))["evaluation"]["level"] == 1
    async with world.browser() as reviewer, world.browser() as officer:
        await reviewer.log_in("reviewer")
        assert (await reviewer.get(path))["evaluation"] is None
        await world.settle()
        await officer.log_in("complaints")
        assert (await officer.get("/complaints"))["complaints"] == []


async def test_a_return_visit_is_the_same_officer_with_a_number(world: World, browser: Browser) -> None:
    await browser.enter(PHONE, world)
    filed = await file_case(browser)
    path = f"/cases/{filed['answer']['case_id']}"
    assert (await browser.post(f"{path}/return-visits")).status == 200
    visit = (await browser.get(path))["visits"][0]
    assert visit["officer"]["id"] == filed["answer"]["companion"]
    async with await companion_of(world, filed) as officer:
        assert (await officer.post(f"/visits/{visit['id']}/close", {"outcome": "已补交"})).status == 200
    assert (await browser.get(path))["visits"][0]["closed_at"]


async def test_the_companion_stays_until_a_handover_is_accepted(world: World, browser: Browser) -> None:
    await browser.enter(PHONE, world)
    filed = await file_case(browser)
    path, first = f"/cases/{filed['answer']['case_id']}", filed["answer"]["companion"]
    other = next(login for login in ("officer", "colleague") if f"staff:{uid(login)}" != first)
    async with await companion_of(world, filed) as companion, world.browser() as colleague:
        await companion.post(f"{path}/handover", {"to": str(uid(other)), "note": "请假"})
        assert (await browser.get(path))["summary"]["companion"]["id"] == first
        await colleague.log_in(other)
        (listed,) = (await colleague.get("/cases"))["cases"]
        assert listed["handover"] == "asked-of-me"
        page = await colleague.get(path)
        assert page["summary"]["handover"] == "asked-of-me"
        assert page["handover"]["note"] == "请假" and "AcceptHandover" in page["may"]
        assert (await colleague.post(f"{path}/handover/accept")).status == 200
    assert (await browser.get(path))["summary"]["companion"]["id"] == f"staff:{uid(other)}"


async def test_who_offered_a_handover_reads_why_it_was_declined_and_may_take_the_next_offer_back(
    world: World, browser: Browser
) -> None:
    await browser.enter(PHONE, world)
    filed = await file_case(browser)
    path, first = f"/cases/{filed['answer']['case_id']}", filed["answer"]["companion"]
    other = next(login for login in ("officer", "colleague") if f"staff:{uid(login)}" != first)
    offer = {"to": str(uid(other)), "note": "请假"}
    async with await companion_of(world, filed) as giver, world.browser() as asked:
        await asked.log_in(other)
        await giver.post(f"{path}/handover", offer)
        await asked.post(f"{path}/handover/decline", {"reason": "手上已有二十件"})
        page = await giver.get(path)
        assert page["handover_declined"]["reason"] == "手上已有二十件"
        assert (page["steps"][-1]["topic"], page["steps"][-1]["detail"]) == ("handover-declined", "手上已有二十件")
        seen = await browser.get(path)
        assert seen["handover_declined"] is None
        assert not [step for step in seen["steps"] if step["topic"].startswith("handover")]
        await giver.post(f"{path}/handover", offer)
        page = await giver.get(path)
        assert (page["handover_declined"], page["summary"]["handover"]) == (None, "asked-of-colleague")
        assert "WithdrawHandover" in page["may"] and "RequestHandover" not in page["may"]
        assert "WithdrawHandover" not in (await asked.get(path))["may"]
        assert (await asked.post(f"{path}/handover/withdraw")).status == 403
        assert (await giver.post(f"{path}/handover/withdraw")).status == 200
        assert (await giver.get(path))["handover"] is None
        assert (await asked.post(f"{path}/handover/accept")).status == 403
        assert (await giver.post(f"{path}/handover/withdraw")).status == 409
        assert not (await asked.get("/cases"))["cases"]


async def test_the_outbox_exists_in_a_demonstration_only(world: World, browser: Browser) -> None:
    await browser.post("/login/code", {"phone": PHONE})
    assert (await browser.get("/outbox"))["messages"][0]["to"] == PHONE
    world.later(days=8)
    assert (await browser.get("/outbox"))["messages"] == []


async def test_outside_a_demonstration_there_is_no_outbox(
    store: EventStore, database: Database, tmp_path: Path
) -> None:
    async with open_world(store, database, tmp_path, demo=False) as world, world.browser() as browser:
        assert (await browser.get("/outbox")).code == "no-such-address"
        assert not (await browser.get("/session"))["demo"]


async def test_nobody_who_is_not_logged_in_gets_past_the_door(browser: Browser) -> None:
    for route in ALL_ROUTES:
        if not route.who:
            continue
        path = route.path
        for name in route.placeholders:
            path = path.replace(f"{{{name}}}", str(uuid4()))
        answer = await browser.get(path, Origin=browser.base) if route.method == "GET" else await browser.post(path)
        assert (answer.status, answer.code) == (401, "not-logged-in"), route.path


@pytest.mark.parametrize("login", ["administrator", "complaints"])
async def test_other_roles_take_no_part_in_cases(world: World, browser: Browser, login: str) -> None:
    async with world.browser() as applicant:
        await applicant.enter(PHONE, world)
        filed = await file_case(applicant)
    await browser.log_in(login)
    answer = await browser.post(f"/cases/{filed['answer']['case_id']}/accept")
    assert (answer.status, answer.code) == (403, "not-permitted")


async def test_files_nobody_filed_are_removed_after_two_days(world: World, browser: Browser) -> None:
    await browser.enter(PHONE, world)
    file = await browser.upload(photo(), "a.jpg", "image/jpeg")
    assert (await browser.get(f"/attachments/{file['id']}?variant=thumbnail")).status == 200
    world.later(days=3)
    await world.services.files.sweep()
    assert (await browser.get(f"/attachments/{file['id']}")).code == "missing"


async def test_metrics_tell_of_requests_lag_and_rooms(browser: Browser) -> None:
    await browser.get("/items")
    text = (await browser.get("/site/metrics")).body.decode()
    assert 'peiban_http_requests_total{method="GET",route="/api/v1/items",status="200"} 1.0' in text
    for name in ("peiban_projection_lag_events", "peiban_room_sockets", "peiban_journal_bytes", "peiban_record_head"):
        assert name in text


async def test_who_was_never_appointed_cannot_log_in(world: World, browser: Browser) -> None:
    assert world.services.credentials is not None
    await world.services.credentials.set(uid("ghost"), "ghost", "secret")
    assert (await browser.log_in("ghost", "secret")).code == "login-refused"
    post = AppointStaff(
        office="qd-shinan", staff_id=uid("ghost"), name="新人", post="岗位", post_en="post", roles=["officer"]
    )
    await world.do(SYSTEM, post)
    assert (await browser.log_in("ghost", "secret")).status == 200
