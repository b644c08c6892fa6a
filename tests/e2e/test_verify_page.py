"""The second verifier: one page, opened from disk, without a network. It shares no code with the first and agrees."""

from __future__ import annotations

import base64
import hashlib
import random
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Playwright

from eventstore import EventStore
from eventstore.export import PAGE, export, prove
from eventstore.findings import SENTENCES, Finding
from eventstore.offline import FileReport
from tests.database import Database
from tests.e2e.browsers import DESK, PHONE, chromium, fonts, shoot
from tests.integration.eventstore.exports import WITNESS, looked_at, made_record
from tests.integration.eventstore.logs import KEY, checkpointed, fill

SAMPLE = 500
_FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
_CHECK = """
async ({ original, changes }) => {
  const bytes = Uint8Array.from(atob(original), (letter) => letter.charCodeAt(0))
  const verdicts = []
  for (const change of changes) {
    const altered = change === null ? bytes : bytes.slice()
    if (Array.isArray(change)) altered[change[0]] ^= change[1]
    const transfer = new DataTransfer()
    transfer.items.add(new File([altered], 'record.jsonl'))
    const input = document.getElementById('file')
    delete document.body.dataset.finished
    const finished = new Promise((resolve) => {
      const watching = new MutationObserver(() => {
        if (document.body.dataset.finished) { watching.disconnect(); resolve() }
      })
      watching.observe(document.body, { attributes: true })
    })
    input.files = transfer.files
    input.dispatchEvent(new Event('change'))
    await finished
    verdicts.push({ ...document.getElementById('verdict').dataset })
  }
  return verdicts
}
"""
_WATCH = """
() => {
  window.counted = []
  const words = document.getElementById('counting')
  new MutationObserver(() => window.counted.push(words.textContent)).observe(words, { childList: true })
}
"""


@asynccontextmanager
async def opened(playwright: Playwright, page_file: Path, size: dict[str, int]) -> AsyncIterator[Page]:
    """The page from disk, with every network switched off; what it complains about fails the test."""
    browser = await playwright.chromium.launch(
        executable_path=chromium(), args=_FLAGS, env={"FONTCONFIG_FILE": str(fonts()), "LANG": "C.UTF-8"}
    )
    context = await browser.new_context(viewport={"width": size["width"], "height": size["height"]}, locale="zh-CN")
    await context.set_offline(True)
    page = await context.new_page()
    troubles: list[str] = []
    asked: list[str] = []
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(page_file.as_uri())
    yield page
    assert troubles == []
    assert asked == [page_file.as_uri()], "nothing else was asked for"
    await browser.close()


async def verdicts(page: Page, content: bytes, changes: list[Any]) -> list[dict[str, str]]:
    given = {"original": base64.b64encode(content).decode(), "changes": changes}
    told: list[dict[str, str]] = await page.evaluate(_CHECK, given)
    return told


def expected(report: FileReport) -> dict[str, str]:
    """What the page's verdict has to say when it agrees with `peiban verify`."""
    bad: Finding | None = report.first_bad
    if bad is None:
        return {"state": "good"}
    facts = {
        "what": bad.what,
        "position": bad.position,
        "line": bad.line,
        "checkpoint": bad.checkpoint,
        "stream": bad.originator_id,
        "version": bad.originator_version,
        "topic": bad.topic,
    }
    return {"state": "bad"} | {name: str(value) for name, value in facts.items() if value is not None}


@pytest.fixture
async def record(store: EventStore, database: Database, tmp_path: Path) -> bytes:
    return await made_record(store, database, tmp_path)


async def test_both_verifiers_name_the_same_place_in_five_hundred_mutations(
    record: bytes, tmp_path: Path, playwright: Playwright
) -> None:
    chance = random.Random(3)
    changes = [[chance.randrange(len(record)), chance.randrange(1, 256)] for _ in range(SAMPLE)]
    async with opened(playwright, tmp_path / "verify.html", DESK) as page:
        assert await verdicts(page, record, [None]) == [{"state": "good"}]
        told = await verdicts(page, record, changes)
    for (place, change), verdict in zip(changes, told, strict=True):
        altered = bytearray(record)
        altered[place] ^= change
        assert verdict["state"] == "bad"
        assert verdict == expected(looked_at(bytes(altered))), (place, change)


async def test_both_verifiers_agree_about_lines_that_are_gone_doubled_or_moved(
    record: bytes, tmp_path: Path, playwright: Playwright
) -> None:
    each = record.splitlines(keepends=True)
    damaged = [
        b"".join(each[:50] + each[51:]),
        b"".join(each[:51] + each[50:]),
        b"".join([*each[:40], each[41], each[40], *each[42:]]),
        b"".join(each[:-1]),
        b"".join(each[:-5]),
        b"".join([*each[:60], each[-1], *each[60:-1]]),
        record[:20_000],
        record + b"{}\n",
        b"\xef\xbb\xbf" + record,
        b"",
        b"\n",
        record.replace(b"\n", b"\r\n"),
        record.replace(b'"events":300', b'"events":301'),
        b"".join([*each[:2], b"[" * 5_000 + b"\n", *each[2:]]),
        b"".join([*each[:2], each[2].replace(b"staff", b"\\ud800", 1), *each[3:]]),
        b"".join([*each[:2], each[2].replace(b'"position":2', b'"position":2.0'), *each[3:]]),
        b"".join([*each[:2], each[2].replace(b'"hash"', b'"extra":1,"hash"'), *each[3:]]),
    ]
    async with opened(playwright, tmp_path / "verify.html", DESK) as page:
        for content in damaged:
            report = looked_at(content)
            assert report.first_bad is not None
            assert await verdicts(page, content, [None]) == [expected(report)]


async def test_both_verifiers_agree_about_receipts(
    record: bytes, database: Database, tmp_path: Path, playwright: Playwright
) -> None:
    receipt = await prove(database.service_url, 150, KEY, cosigners=[WITNESS.verifier])
    chance = random.Random(5)
    changes = [[chance.randrange(len(receipt)), chance.randrange(1, 256)] for _ in range(100)]
    async with opened(playwright, tmp_path / "verify.html", PHONE) as page:
        assert await verdicts(page, receipt, [None]) == [{"state": "good"}]
        told = await verdicts(page, receipt, changes)
        await verdicts(page, receipt, [None])
        await shoot(page, "verify-receipt-phone")
    for (place, change), verdict in zip(changes, told, strict=True):
        altered = bytearray(receipt)
        altered[place] ^= change
        assert verdict == expected(looked_at(bytes(altered))), (place, change)


async def test_somebody_elses_key_is_refused_and_the_page_can_be_used_by_keyboard(
    record: bytes, tmp_path: Path, playwright: Playwright
) -> None:
    async with opened(playwright, tmp_path / "verify.html", DESK) as page:
        await shoot(page, "verify-empty")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == "file"
        await page.set_input_files("#file", tmp_path / "record.jsonl")
        await page.locator("#verdict[data-state=good]").wait_for()
        await shoot(page, "verify-good")
        assert "通过" in await page.locator("#verdict").inner_text()
        await page.fill("#key", str(WITNESS.verifier))
        await page.locator("#key").blur()
        await page.locator("#verdict[data-state=bad]").wait_for()
        assert "检查点签名不成立" in await page.locator("#verdict").inner_text()
        await page.fill("#key", f" {KEY} ")
        await page.locator("#key").blur()
        await page.locator("#verdict[data-state=good]").wait_for()
        await page.set_input_files(
            "#file", {"name": "改动.jsonl", "mimeType": "", "buffer": record.replace(b"staff", b"stuff", 9)}
        )
        await page.locator("#verdict[data-state=bad]").wait_for()
        await shoot(page, "verify-bad")


async def test_a_browser_without_ed25519_says_that_signatures_were_not_checked(
    record: bytes, tmp_path: Path, playwright: Playwright
) -> None:
    async with opened(playwright, tmp_path / "verify.html", DESK) as page:
        await page.evaluate("() => { crypto.subtle.importKey = () => Promise.reject(new Error('no Ed25519')) }")
        assert await verdicts(page, record, [None]) == [{"state": "unsigned"}]
        assert "签名未核对" in await page.locator("#verdict").inner_text()
        await shoot(page, "verify-unsigned")


async def test_tens_of_thousands_of_events_are_checked_while_the_page_stays_awake(
    database: Database, tmp_path: Path, playwright: Playwright
) -> None:
    await fill(database, 20_000)
    await checkpointed(database, tmp_path)
    await export(database.service_url, tmp_path / "long.jsonl", KEY)
    async with opened(playwright, tmp_path / "verify.html", DESK) as page:
        await page.evaluate(_WATCH)
        begun = time.perf_counter()
        await page.set_input_files("#file", tmp_path / "long.jsonl")
        await page.locator("#verdict[data-state=good]").wait_for(timeout=60_000)
        print(f"{20_000 / (time.perf_counter() - begun):,.0f} events/s in the page")  # noqa: T201 -- pytest keeps it
        assert "20000 / 20000" in await page.locator("#verdict").inner_text()
        counted = await page.evaluate("window.counted")
        assert any("/ 20,000" in words for words in counted), "it was painted while it ran"


def test_the_page_allows_nothing_but_itself() -> None:
    """Its policy names the digests of its own script and style: whoever edits them writes the new digests there."""
    text = PAGE.read_text(encoding="utf-8")
    digests = {}
    for tag in ("script", "style"):
        (inner,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digests[tag] = "sha256-" + base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; script-src '{digests['script']}'; style-src '{digests['style']}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert f'content="{policy}"' in text
    assert not re.findall(r"""(?:src|href)=|https?://|import\s*\(|\.fetch\(|style=""", text)


def test_the_page_has_the_same_words_for_the_same_findings() -> None:
    text = PAGE.read_text(encoding="utf-8")
    only_in_a_database = {"order-broken", "head-mismatch", "tile-mismatch", "flip", "rolled-back"}
    for code in SENTENCES.keys() - only_in_a_database:
        zh, en = SENTENCES[code]
        assert f"'{code}': ['{zh}'" in text
        assert en in text
    assert set(re.findall(r"^  '([a-z-]+)': \[", text, re.MULTILINE)) == set(SENTENCES) - only_in_a_database
