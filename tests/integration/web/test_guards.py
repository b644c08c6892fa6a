from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from cases.catalogue import shipped
from tests.builders import RESTAURANT, form_values
from tests.integration.web.world import Browser, World
from web.routing import UPLOAD_LIMIT

PHONE = "13800138000"
FORM = form_values(shipped().current(RESTAURANT))


async def test_a_change_needs_the_token_of_the_session(browser: Browser) -> None:
    await browser.log_in("officer")
    answer = await browser.post(f"/cases/{uuid4()}/accept", headers={"X-CSRF-Token": "0" * 64})
    assert (answer.status, answer.code) == (403, "csrf")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", None])
async def test_a_change_from_another_site_is_refused(browser: Browser, origin: str | None) -> None:
    await browser.log_in("officer")
    browser.origin = origin
    answer = await browser.post(f"/cases/{uuid4()}/accept")
    assert (answer.status, answer.code) == (403, "wrong-origin")


async def test_a_change_needs_an_idempotency_key(browser: Browser) -> None:
    await browser.log_in("officer")
    answer = await browser.post(f"/cases/{uuid4()}/accept", headers={"Idempotency-Key": "none"})
    assert (answer.status, answer.code) == (422, "idempotency-key")


async def test_unknown_and_missing_fields_are_named(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    unknown = await browser.post("/cases", {"item": RESTAURANT, "form": FORM, "owner": "me"})
    assert (unknown.status, unknown.value["details"]["fields"]) == (422, {"owner": "is not known here"})
    missing = await browser.post("/cases", {"item": RESTAURANT})
    assert missing.value["details"]["fields"] == {"form": "is required"}
    twice = await browser.post(f"/cases/{uuid4()}/withdraw", {"case_id": str(uuid4()), "reason": "算了"})
    assert twice.value["details"]["fields"] == {"case_id": "is part of the address"}


async def test_a_wrong_form_names_the_field_in_chinese_and_english(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    answer = await browser.post("/cases", {"item": RESTAURANT, "form": FORM | {"phone": "12"}})
    assert (answer.status, answer.code) == (422, "invalid-input")
    assert "phone" in str(answer.value["details"])


async def test_what_is_not_json_is_refused_politely(browser: Browser) -> None:
    answer = await browser.post("/login/code", data=b"{", headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (422, "invalid-input")
    answer = await browser.post("/login/code", data=b"a=b", headers={"Content-Type": "text/plain"})
    assert (answer.status, answer.code) == (415, "wrong-media-type")


async def test_a_forty_megabyte_photo_is_refused_before_it_is_read(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    answer = await browser.upload(bytes(40 * 1024 * 1024), "门头.jpg", "image/jpeg")
    assert (answer.status, answer.code) == (413, "too-large")
    assert "20 MB" in answer.value["title"]
    assert await world.services.database.value("SELECT count(*) FROM web.files") == 0


async def test_a_body_of_unknown_length_is_cut_off_at_the_limit(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)

    async def endless() -> object:
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
        yield head
        for _ in range(UPLOAD_LIMIT // 65536 + 10):
            yield bytes(65536)

    answer = await browser.post(
        "/attachments", data=endless(), headers={"Content-Type": "multipart/form-data; boundary=b"}
    )
    assert (answer.status, answer.code) == (413, "too-large")


async def test_a_file_that_is_not_what_it_says_is_refused(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    answer = await browser.upload(b"%PDF-1.7 not a photo %%EOF", "门头.jpg", "image/jpeg")
    assert (answer.status, answer.code) == (422, "upload-not-what-it-says")


async def test_a_body_that_trickles_in_is_cut_off(world: World) -> None:
    parts = urlsplit(world.base)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"POST /api/v1/login/code HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {world.base}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{".encode()
    )
    answer = await asyncio.wait_for(reader.read(4096), 20)
    assert answer.startswith(b"HTTP/1.1 408")
    writer.close()


async def test_an_unknown_address_and_method_get_problem_documents(browser: Browser) -> None:
    nowhere = await browser.get("/nowhere")
    assert (nowhere.status, nowhere.code) == (404, "no-such-address")
    wrong = await browser.post("/items")
    assert (wrong.status, wrong.code, wrong.headers["Allow"]) == (405, "method-not-allowed", "GET")


async def test_every_answer_carries_the_guarding_headers(browser: Browser) -> None:
    for path in ("/items", "/nowhere", "/site/", "/site/desk/cases"):
        headers = (await browser.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in policy and "object-src 'none'" in policy and "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "no-referrer"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert "Strict-Transport-Security" not in headers  # plain HTTP on this machine
    assert (await browser.get("/items")).headers["Cache-Control"] == "no-store"


async def test_pages_are_served_for_every_address_of_the_client(browser: Browser, world: World) -> None:
    assert b"make install" in (await browser.get("/site/")).body
    static: Path = world.services.settings.static_dir
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("phone")
    (static / "desk.html").write_text("desk")
    (static / "assets" / "a-1.js").write_text("code")
    (static.parent / "secret.txt").write_text("secret")
    assert (await browser.get("/site/cases/QD20260921-ABCDEF")).body == b"phone"
    assert (await browser.get("/site/desk/cases/x")).body == b"desk"
    assert "immutable" in (await browser.get("/site/assets/a-1.js")).headers["Cache-Control"]
    for outside in ("/site/assets/..%2f..%2fsecret.txt", "/site/..%2fsecret.txt", "/site/assets/none.js"):
        assert (await browser.get(outside)).status == 404


async def test_logs_hold_no_personal_data(browser: Browser, world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        await browser.enter(PHONE, world)
        filed = await browser.post("/cases", {"item": RESTAURANT, "form": FORM})
        await browser.get(f"/cases/{filed['answer']['number']}?q=张三")
        await browser.get(f"/cases?q={PHONE}")
    lines = [str(vars(record)) for record in caplog.records]
    assert any("'route': '/api/v1/cases/{case_id}'" in line for line in lines)
    secrets = [PHONE, "张三", filed["answer"]["number"], FORM["name"], browser.csrf]
    assert not [secret for secret in secrets if any(secret in line for line in lines)]
