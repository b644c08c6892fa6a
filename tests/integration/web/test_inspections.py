from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import aiohttp
import pytest
from msgspec.structs import replace
from PIL import Image, ImageDraw

from inspection.commands import NoteRecording
from inspection.recorder import folder_of
from inspection.recording.journal import Journal
from tests.builders import MONDAY, uid
from tests.integration.media.clip import encoded
from tests.integration.web.world import ITEM, SYSTEM, Answer, Browser, World, companion_of, file_case, photo
from tests.unit.recording.packets import video
from web.evidence import Evidence

PHONE, OTHER = "13800138000", "13900139000"


def handwriting() -> str:
    image = Image.new("RGBA", (600, 200))
    ImageDraw.Draw(image).line([(40, 150), (200, 40), (320, 160), (520, 50)], fill="black", width=9)
    out = io.BytesIO()
    image.save(out, "PNG")
    return "data:image/png;base64," + base64.b64encode(out.getvalue()).decode()


@dataclass
class Planned:
    path: str
    token: str
    case: str
    applicant: Browser
    guest: Browser
    inspectors: list[Browser]


@pytest.fixture
async def planned(world: World) -> AsyncIterator[Planned]:
    """An accepted case with a remote inspection, whose link has gone out by message."""
    async with AsyncExitStack() as stack:
        browsers = [await stack.enter_async_context(world.browser()) for _ in range(4)]
        applicant, guest, *inspectors = browsers
        await applicant.enter(PHONE, world)
        filed = await file_case(applicant)
        case = f"/cases/{filed['answer']['case_id']}"
        officer = await stack.enter_async_context(await companion_of(world, filed))
        assert (await officer.post(f"{case}/accept")).status == 200
        for inspector, login in zip(inspectors, ("reviewer", "second"), strict=True):
            await inspector.log_in(login)
        staff = [str(uid("reviewer")), str(uid("second"))]
        made = await inspectors[0].post(f"{case}/inspections", {"mode": "remote", "inspectors": staff})
        path = f"/inspections/{made['answer']['inspection_id']}"
        starts = (MONDAY + timedelta(days=1)).isoformat()
        assert (await inspectors[0].post(f"{path}/slot", {"starts_at": starts})).status == 200
        await world.settle()
        link = next(m.text for m in await world.messenger.messages() if "/i#" in m.text)
        token = link.partition("/i#")[2].split()[0]
        yield Planned(path, token, case, applicant, guest, inspectors)


async def come_in(world: World, browser: Browser, token: str) -> dict[str, object]:
    await browser.post("/invitations/code", {"token": token})
    body = {"token": token, "code": await world.code_for(PHONE)}
    answer = await browser.post("/invitations/verify?as=guest", body)
    browser.csrf = answer["csrf"]
    return dict(answer.value)


async def test_a_link_shows_what_it_is_for_and_lets_in_whoever_holds_the_phone(world: World, planned: Planned) -> None:
    look = await planned.guest.post("/invitations/look", {"token": planned.token})
    assert (look["state"], look["masked_phone"], look["item_name"]["zh"]) == ("fresh", "138****8000", ITEM.name.zh)
    session = await come_in(world, planned.guest, planned.token)
    assert (session["kind"], session["roles"]) == ("guest", ["guest"])
    assert (await planned.guest.post("/invitations/look", {"token": planned.token}))["state"] == "bound"
    async with world.browser() as again:  # another browser of the same person
        assert (await come_in(world, again, planned.token))["inspection_id"] == session["inspection_id"]


async def test_a_link_that_is_not_ours_or_of_no_offer_leads_nowhere(world: World, planned: Planned) -> None:
    keys = world.services.invitations
    foreign = type(keys)(bytes(32)).token(uid("x"), 1)
    for token in ("", "x" * 70, foreign, planned.token[:-2] + "AA", keys.token(uid("x"), 1)):
        answer = await planned.guest.post("/invitations/look", {"token": token})
        assert answer.status == 404 and answer.value["title_en"]
    later = keys.token(world.services.invitations.read(planned.token).inspection_id, 2)
    assert (await planned.guest.post("/invitations/look", {"token": later})).code == "invitation"


async def test_a_login_code_does_not_open_an_invitation(world: World, planned: Planned) -> None:
    await planned.guest.post("/login/code", {"phone": PHONE})
    body = {"token": planned.token, "code": await world.code_for(PHONE)}
    assert (await planned.guest.post("/invitations/verify", body)).code == "code-refused"


async def test_a_guest_sees_his_inspection_and_nothing_else(world: World, planned: Planned) -> None:
    await come_in(world, planned.guest, planned.token)
    view = await planned.guest.get(f"{planned.path}?as=guest")
    assert view["me"].startswith("guest:")
    assert {"AnswerNotice", "RefuseRemote", "JoinRoom"} <= set(view["may"])
    assert (await planned.guest.get(planned.case)).status == 401
    async with world.browser() as stranger:
        await stranger.enter(OTHER, world)
        assert (await stranger.get(planned.path)).status == 404


async def test_refusing_the_remote_way_leads_on_site(world: World, planned: Planned) -> None:
    await come_in(world, planned.guest, planned.token)
    answer = await planned.guest.post(f"{planned.path}/refuse-remote?as=guest", {"reason": "no-camera"})
    assert answer["answer"] == {"mode": "on-site"}
    reviewer = planned.inspectors[0]
    (due,) = (await reviewer.get("/inspections"))["inspections"]
    assert (due["status"], due["starts_at"], due["needs_slot"]) == ("planned", None, True)
    assert (await reviewer.get("/cases?view=office"))["cases"][0]["needs_slot"] is True
    seen = await planned.applicant.get(planned.case)
    assert "上门时间" in seen["inspections"][0]["slot_note"]["zh"]
    assert seen["steps"][-1]["topic"] == "slot-withdrawn"
    assert "ConfirmSlot" not in (await planned.applicant.get(planned.path))["may"]
    starts = (MONDAY + timedelta(days=2)).isoformat()
    assert (await reviewer.post(f"{planned.path}/slot", {"starts_at": starts})).status == 200
    await world.settle()
    assert "安排现场勘验" in next(m.text for m in await world.messenger.messages() if "/i#" in m.text)
    assert (await planned.applicant.get(planned.case))["inspections"][0]["slot_note"] is None
    assert "ConfirmSlot" in (await planned.applicant.get(planned.path))["may"]


async def test_an_office_that_moves_an_inspection_on_site_tells_the_applicant_that_the_time_is_off(
    world: World, planned: Planned
) -> None:
    await planned.inspectors[0].post(f"{planned.path}/move-on-site", {"reason": "设备需要实测"})
    await world.settle()
    assert any("原定时间取消" in m.text for m in await world.messenger.messages() if m.to == PHONE)


async def test_what_an_inspector_does_at_the_premises_is_told_as_done_there_and_in_words(
    world: World, planned: Planned
) -> None:
    path, (first, second) = planned.path, planned.inspectors
    await first.post(f"{path}/move-on-site", {"reason": "设备需要实测"})
    for inspector in (first, second):
        assert (await inspector.post(f"{path}/arrive")).status == 200
    assert (await first.post(f"{path}/start")).status == 200
    check = ITEM.checklist[0]
    assert (await first.post(f"{path}/items/{check.code}/judge", {"verdict": "pass"})).status == 200
    elsewhere = {"X-Peiban-Place": "field"}  # what the page on his own phone sends
    later = (MONDAY + timedelta(days=3)).isoformat()
    assert (await first.post(f"{path}/slot", {"starts_at": later}, headers=elsewhere)).status == 409
    async with world.browser() as supervisor:
        await supervisor.log_in("supervisor")
        entries = (await supervisor.get(f"{planned.case}/timeline"))["entries"]
    assert {entry["topic"]: entry["channel"] for entry in entries if entry["topic"].startswith("in")} == {
        "inspection-planned": "desk", "inspection-noted": "system", "inspection-started": "field",
    }  # fmt: skip
    judged = next(entry for entry in entries if entry["topic"] == "item-judged")
    assert judged["about"]["zh"] == f"{check.title.zh} — 符合"
    assert [(fact["name"]["zh"], fact["value"]["zh"]) for fact in judged["details"]] == [
        ("检查项", check.title.zh),
        ("结论", "符合"),
    ]
    assert {entry["channel_label"]["zh"] for entry in entries if entry["topic"] == "arrived-on-site"} == {"现场"}


async def test_the_page_on_an_inspectors_phone_names_its_channel(world: World, planned: Planned) -> None:
    await planned.inspectors[0].post(
        f"{planned.path}/move-on-site", {"reason": "设备需要实测"}, headers={"X-Peiban-Place": "field"}
    )
    steps = (await planned.applicant.get(planned.case))["steps"]
    assert next(step["channel"] for step in steps if step["topic"] == "moved-on-site") == "field"


async def join(browser: Browser, path: str, stack: AsyncExitStack) -> aiohttp.ClientWebSocketResponse:
    guest = "?as=guest" if browser.csrf and "peiban-guest" in {c.key for c in browser.http.cookie_jar} else ""
    socket = await browser.http.ws_connect(f"/api/v1{path}/room{guest}", origin=browser.origin)
    await stack.enter_async_context(socket)
    assert (await socket.receive_json(timeout=10))["t"] == "welcome"
    return socket


async def judge_everything(browser: Browser, path: str) -> None:
    for check in ITEM.checklist:
        unclear = check.on_the_spot
        body = {"verdict": "unclear", "note": "须现场核查"} if unclear else {"verdict": "pass"}
        answer = await browser.post(f"{path}/items/{check.code}/judge", body)
        assert answer.status == 200, answer.value


async def test_a_remote_inspection_goes_from_the_room_to_a_sealed_sheet(world: World, planned: Planned) -> None:
    path, (first, second), guest = planned.path, planned.inspectors, planned.guest
    await come_in(world, guest, planned.token)
    async with AsyncExitStack() as stack:
        early = await first.post(f"{path}/start")
        assert (early.status, early.code) == (409, "not-ready-to-start")
        notice = (await guest.get(f"{path}?as=guest"))["notice"]
        answer = {"version": notice["version"], "accepted": True}
        assert (await guest.post(f"{path}/notice?as=guest", answer)).status == 200
        sockets = [await join(browser, path, stack) for browser in (guest, first, second)]
        async for message in sockets[1]:
            if not message.json().get("waiting_for", ["?"]):
                break
        assert (await first.post(f"{path}/start")).status == 200
        form = aiohttp.FormData({"item": ITEM.checklist[0].code})
        form.add_field("file", photo(), filename="still.jpg", content_type="image/jpeg")
        key = uuid4()
        still = await guest.post(f"{path}/stills?as=guest", data=form, key=key)
        await no_other_picture_under_the_same_key(guest, path, still, key)
        marked = await first.get(f"{path}/stills/{still['answer']['still_id']}")
        assert marked.status == 200 and Image.open(io.BytesIO(marked.body)).format == "JPEG"
        await record(world, path)
        await judge_everything(first, path)
        assert (await first.post(f"{path}/findings")).status == 200
        assert (await first.post(f"{path}/end")).status == 200
    await world.settle()
    await sign_by_all(world, planned)
    view = await first.get(path)
    assert (view["brief"]["status"], view["sheet"]["status"]) == ("sealed", "sealed")
    pdf = await planned.applicant.get(f"{path}/sheet.pdf")
    assert hashlib.sha256(pdf.body).hexdigest() == view["sheet"]["pdf_sha256"]
    await play(world, view["recordings"][0]["url"])
    look = await guest.post("/invitations/look", {"token": planned.token})
    assert look["state"] == "ended"
    assert (await guest.post("/invitations/code", {"token": planned.token})).code == "invitation-ended"


async def no_other_picture_under_the_same_key(guest: Browser, path: str, still: Answer, key: UUID) -> None:
    original = f"{path}/stills/{still['answer']['still_id']}?variant=original&as=guest"
    before = (await guest.get(original)).body
    form = aiohttp.FormData({"item": ITEM.checklist[0].code})
    form.add_field("file", photo(), filename="other.jpg", content_type="image/jpeg")
    again = await guest.post(f"{path}/stills?as=guest", data=form, key=key)
    assert again["answer"] == still["answer"]
    assert (await guest.get(original)).body == before


async def record(world: World, path: str) -> None:
    """A finished part, as the recorder leaves it."""
    inspection = UUID(path.rpartition("/")[2])
    guest, packets = f"guest:{inspection}", video(encoded())
    folder = folder_of(world.services.settings.recordings, inspection)
    journal = Journal.open(folder, guest.replace(":", "-"), 1, {}, clock=lambda: packets[0].arrival)
    for packet in packets:
        journal.add(packet)
    sealed = journal.seal()
    note = NoteRecording(inspection_id=inspection, stage="opened", part=1, participant=guest)
    await world.do(SYSTEM, note)
    await world.do(SYSTEM, replace(note, stage="sealed", head=sealed.head, size=sealed.bytes))


async def play(world: World, url: str) -> None:
    """The supervisor plays it, in ranges; another office's officer finds nothing there."""
    path = url.removeprefix("/api/v1")
    async with world.browser() as supervisor, world.browser() as foreign:
        await supervisor.log_in("supervisor")
        whole, part = await supervisor.get(path), await supervisor.get(path, Range="bytes=4-7")
        assert (whole.status, whole.headers["Content-Type"]) == (200, "video/webm")
        assert (part.status, part.body) == (206, whole.body[4:8])
        await foreign.log_in("foreign")
        assert (await foreign.get(path)).status == 404


async def sign_by_all(world: World, planned: Planned) -> None:
    path = planned.path
    for browser, suffix in ((planned.guest, "?as=guest"), *((inspector, "") for inspector in planned.inspectors)):
        sheet = (await browser.get(f"{path}{suffix}"))["sheet"]
        record = await browser.get(sheet["record_url"].removeprefix("/api/v1"))
        assert hashlib.sha256(record.body).hexdigest() == sheet["digest"]
        page = await browser.get(f"{path}/sheet/preview/1.png{suffix}")
        assert page.body.startswith(b"\x89PNG")
        wrong = await browser.post(f"{path}/sign{suffix}", {"digest": "0" * 64, "handwriting": handwriting()})
        assert wrong.code == "sheet-digest"
        signed = await browser.post(f"{path}/sign{suffix}", {"digest": sheet["digest"], "handwriting": handwriting()})
        assert signed.status == 200, signed.value
    await world.settle()


async def test_a_still_that_is_refused_leaves_nothing_behind(world: World, planned: Planned) -> None:
    folder = world.services.settings.recordings.parent / "attachments"
    before = sorted(folder.iterdir())
    form = aiohttp.FormData({"item": ITEM.checklist[0].code})
    form.add_field("file", photo(), filename="still.jpg", content_type="image/jpeg")
    refused = await planned.inspectors[0].post(f"{planned.path}/stills", data=form)
    assert refused.status == 409
    assert sorted(folder.iterdir()) == before


async def test_codes_asked_in_anothers_name_do_not_keep_him_from_his_invitation(world: World, planned: Planned) -> None:
    for _ in range(10):
        await planned.guest.post("/login/code", {"phone": PHONE})
    assert (await planned.guest.post("/login/code", {"phone": PHONE})).code == "throttled"
    assert (await come_in(world, planned.guest, planned.token))["kind"] == "guest"


async def test_an_opening_is_noted_once_whatever_ranges_a_player_asks_for(world: World) -> None:
    evidence, inspection = Evidence(world.services), uid("inspection")
    assert evidence.opens(b"session", inspection, "recording 1")
    assert not evidence.opens(b"session", inspection, "recording 1")
    assert evidence.opens(b"session", inspection, "recording 2")
    assert evidence.opens(b"another", inspection, "recording 1")
    world.later(minutes=11)
    assert evidence.opens(b"session", inspection, "recording 1")


async def test_a_room_is_closed_to_strangers_and_other_sites(world: World, planned: Planned) -> None:
    first = planned.inspectors[0]
    with pytest.raises(aiohttp.WSServerHandshakeError) as foreign:
        await first.http.ws_connect(f"/api/v1{planned.path}/room", origin="https://evil.example")
    assert foreign.value.status == 403
    async with world.browser() as head:
        await head.log_in("head")
        with pytest.raises(aiohttp.WSServerHandshakeError) as watching:
            await head.http.ws_connect(f"/api/v1{planned.path}/room", origin=head.origin)
    assert watching.value.status == 404


async def test_logging_out_ends_the_socket_at_once(planned: Planned) -> None:
    first = planned.inspectors[0]
    async with AsyncExitStack() as stack:
        socket = await join(first, planned.path, stack)
        await first.post("/logout")
        async for _ in socket:
            pass
        assert socket.closed


async def test_a_recording_that_is_not_there_cannot_be_played(planned: Planned) -> None:
    answer = await planned.inspectors[0].get(f"{planned.path}/recordings/1/guest:{uid('x')}")
    assert (answer.status, answer.code) == (404, "missing")


async def test_inspectors_find_the_inspection_on_its_day(planned: Planned) -> None:
    day = (MONDAY + timedelta(days=1)).date().isoformat()
    for inspector in planned.inspectors:
        agenda = (await inspector.get(f"/inspections?day={day}"))["inspections"]
        assert [brief["place"] for brief in agenda] == ["青岛市市南区香港中路 10 号"]
