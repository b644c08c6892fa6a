"""A real browser publishes and watches through the plane."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import av
import pytest
from aiohttp import web
from playwright.async_api import BrowserContext, async_playwright

from inspection.media.plane import MediaPlane
from inspection.recording.journal import Journal
from inspection.recording.mux import derive
from tests.integration.media import page as script
from tests.integration.media.clip import camera_file
from tests.integration.media.peers import States

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's chromium: apt install chromium")

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[BrowserContext]:
    camera = camera_file(tmp_path / "camera.y4m", seconds=2)
    async with async_playwright() as playwright:
        context = await playwright.chromium.launch_persistent_context(
            tmp_path / "profile",
            executable_path=CHROMIUM,
            headless=True,
            args=[*FLAGS, f"--use-file-for-fake-video-capture={camera}"],
        )
        yield context
        await context.close()


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[str]:
    """An empty page on localhost, which browsers let use the camera, and the recordings beside it."""
    (tmp_path / "play").mkdir()

    async def empty(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>call</title>", content_type="text/html")

    app = web.Application()
    app.router.add_get("/", empty)
    app.router.add_static("/play", tmp_path / "play")
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    yield f"http://127.0.0.1:{port}/"
    await runner.cleanup()


async def _statistics(page: Any, name: str) -> dict[str, dict[str, Any]]:
    return {
        f"{s['type']}-{s['kind']}": s for s in await page.evaluate(script.STATISTICS, name) if s.get("bytesSent", 1)
    }


async def test_chromium_publishes_and_watches_and_the_recording_plays(
    plane: MediaPlane, browser: BrowserContext, origin: str, tmp_path: Path
) -> None:
    states = States(plane)
    journal = Journal.open(tmp_path, "chromium", 0, {})
    plane.tap("room", "applicant", journal.add)
    phone, desk = await browser.new_page(), await browser.new_page()
    await phone.goto(origin)
    await desk.goto(origin)

    answer = await plane.subscribe("room", "inspector", await desk.evaluate(script.SUBSCRIBE))
    await desk.evaluate(script.ACCEPT, ["watching", answer])
    answer = await plane.publish("room", "applicant", await phone.evaluate(script.PUBLISH))
    await phone.evaluate(script.ACCEPT, ["publishing", answer])
    await states.until("connected", "media", who="applicant", seconds=20)
    await desk.wait_for_function(script.PLAYING, timeout=20_000)
    await phone.wait_for_timeout(3000)

    sent = (await _statistics(phone, "publishing"))["outbound-rtp-video"]
    seen = (await _statistics(desk, "watching"))["inbound-rtp-video"]
    assert sent["frameWidth"] >= 480
    assert seen["framesDecoded"] > 30
    assert seen["packetsLost"] == 0
    assert 200_000 < sent["targetBitrate"] <= 560_000

    plane.set_target("room", "applicant", 1500)
    await phone.wait_for_function(script.SENDS_MORE_THAN, arg=700_000, timeout=20_000)

    await plane.leave("room", "applicant")
    assert states.seen[-1] == ("room", "applicant", "disconnected")
    seal = journal.seal()
    made = derive(seal.path, tmp_path / "play")
    with av.open(made.path) as container:
        assert sum(1 for _ in container.decode(video=0)) == made.video_frames
    assert made.video_frames >= seen["framesDecoded"] - 30
    assert made.audio_frames > 100

    await _plays_in_chromium(desk, made.path)


async def _plays_in_chromium(page: Any, path: Path) -> None:
    """Chromium knows its length and can jump in it."""
    told = await page.evaluate(
        """async source => {
          const video = document.createElement('video');
          video.muted = true;
          video.src = source;
          await new Promise((done, fail) => { video.onloadedmetadata = done; video.onerror = fail; });
          video.currentTime = 1.5;
          await new Promise(done => { video.onseeked = done; });
          return [video.duration, video.currentTime, video.videoWidth];
        }""",
        f"/play/{path.name}",
    )
    assert told[0] > 2
    assert told[1] == pytest.approx(1.5, abs=0.2)
    assert told[2] >= 480
