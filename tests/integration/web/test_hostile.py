"""What nobody sends who uses our pages: it is refused in a sentence, and never a fault of the service."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict
from yarl import URL

from eventstore import BusyError
from tests.builders import RESTAURANT
from tests.integration.web.test_guards import FORM, PHONE
from tests.integration.web.world import Browser, World
from web.auth import phone_of
from web.call import Call, is_secure
from web.going_on import Watchers
from web.observe import JsonLines

JSON = {"Content-Type": "application/json"}
FORM_DATA = {"Content-Type": "multipart/form-data; boundary=x"}
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n%s\r\nabc\r\n--x--'


@pytest.mark.parametrize(
    "body",
    [
        b'{"login":"a\\u0000","password":"x"}',
        b'{"login":"a","password":"\\ud800"}',
        b'{"login":"\xff","password":"x"}',
        b'{"login":["\\u0000"],"password":"x"}',
        b"[" * 200_000,
        b'{"a":' * 40_000,
        b'{"login":1e999}',
    ],
)
async def test_odd_json_is_refused_before_it_reaches_the_database(browser: Browser, body: bytes) -> None:
    answer = await browser.post("/login/staff", data=body, headers=JSON)
    assert (answer.status, answer.code) == (422, "invalid-input")


async def test_a_character_that_cannot_be_stored_names_its_field(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    answer = await browser.post("/cases", {"item": RESTAURANT, "form": FORM | {"name": "张\0三"}})
    assert answer.value["details"]["fields"] == {"form": "has a character that cannot be stored"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--x\r\nfoo",
        b"--x\r\nA: " + b"b" * 20_000 + b"\r\n\r\nabc\r\n--x--",
        b"--x\r\n" + b"A: b\r\n" * 5000 + b"\r\nabc\r\n--x--",
        PART % (b"a.jpg", b"Content-Length: zz\r\n"),
        PART % (b"a\0.jpg", b""),
        b"--x\r\nContent-Type: multipart/mixed\r\n\r\nabc\r\n--x--",
    ],
)
async def test_a_broken_form_is_refused(browser: Browser, world: World, body: bytes) -> None:
    await browser.enter(PHONE, world)
    answer = await browser.post("/attachments", data=body, headers=FORM_DATA)
    assert answer.status == 422


async def test_a_compressed_body_is_not_unpacked(browser: Browser) -> None:
    answer = await browser.post("/login/staff", data=b"no gzip", headers=JSON | {"Content-Encoding": "gzip"})
    assert answer.status == 415


@pytest.mark.parametrize("path", ["/api/v1/cases/QD%00", f"/{'x' * 300}.png", "/a%00.png", "/api/v1/cases/QD%ff"])
async def test_an_address_of_nothing_is_not_found(browser: Browser, path: str) -> None:
    await browser.log_in("officer")
    async with browser.http.get(URL(browser.base + path, encoded=True)) as answer:
        assert answer.status == 404


def test_full_width_digits_are_a_phone_number_and_other_scripts_are_not() -> None:
    assert phone_of("１３８ ００１３-8000") == PHONE
    with pytest.raises(Exception, match="invalid-input"):
        phone_of("1٣٨٠٠١٣٨٠٠٠")


def address(world: World, *forwarded: str, scheme: str = "http") -> str:
    headers = CIMultiDict([("Host", "h"), *(("X-Forwarded-For", line) for line in forwarded)])
    request = make_mocked_request("GET", "/", headers=headers).clone(scheme=scheme, remote="192.0.2.1")
    services = SimpleNamespace(settings=replace(world.services.settings, behind_proxy=True), files=None)
    unused = cast(Any, None)
    return Call(cast(Any, request), unused, cast(Any, services), unused, unused).address


def test_only_the_proxy_says_where_a_request_comes_from(world: World) -> None:
    assert address(world, "203.0.113.9, 198.51.100.7") == "198.51.100.7"
    assert address(world, "203.0.113.9", "198.51.100.7") == "198.51.100.7"  # the proxy added a line of its own
    assert address(world, "203.0.113.9", scheme="https") == "192.0.2.1"  # past the proxy, by the other door
    assert address(world) == "192.0.2.1"


@pytest.mark.parametrize(
    ("scheme", "told", "behind", "secure"),
    [
        ("https", "http", False, True),
        ("http", "https", False, False),
        ("http", "https", True, True),
        ("http", "http", True, False),
        ("http", "", True, True),
        ("https", "http", True, True),
    ],
)
def test_whether_the_browser_sees_https(scheme: str, told: str, behind: bool, secure: bool) -> None:
    headers = {"X-Forwarded-Proto": told} if told else {}
    request = make_mocked_request("GET", "/", headers=headers).clone(scheme=scheme)
    assert is_secure(request, "https://hall.example", behind) is secure


def test_uploads_at_once_are_bounded_for_one_person_and_for_all() -> None:
    watchers = Watchers()

    def fill(who: str, left: int) -> None:
        if left:
            with watchers.uploading(who):
                fill(who, left - 1)
        else:
            with pytest.raises(BusyError), watchers.uploading(who):
                pass

    fill("person:1", 12)
    with watchers.uploading("person:1"):
        pass  # everything was given back


async def test_what_a_library_logs_of_a_broken_request_names_nobody(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    where = urlsplit(world.base)
    with caplog.at_level(logging.DEBUG):
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        writer.write(f"GET /?phone={PHONE} HTTP/9.9\r\n\r\n".encode())
        assert (await reader.read(20)).startswith(b"HTTP/1.0 400")
        writer.close()
        await writer.wait_closed()
    lines = [JsonLines().format(record) for record in caplog.records if record.name.startswith("aiohttp")]
    assert lines
    assert not [line for line in lines if PHONE in line or "127.0.0.1" in line]
