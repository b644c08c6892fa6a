"""The test's end of `old_engine.py`: a phone of 2020 in the hand of somebody who reads and taps."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from tests.e2e.browsers import PICTURES, film, fonts

SYSTEM_PYTHON = "/usr/bin/python3"
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--allow-loopback-in-peer-connection",
    "--autoplay-policy=no-user-gesture-required", "--disable-background-networking", "--lang=zh-CN",
)  # fmt: skip
_SECONDS = 15.0
_LOOK_AGAIN = 0.05


T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], fits: Callable[[T], object], what: str) -> T:
    """What is found by the first look that fits; where nothing tells of a change, one has to look again."""
    loop = asyncio.get_running_loop()
    end = loop.time() + _SECONDS
    while True:
        found = await look()
        if fits(found):
            return found
        assert loop.time() < end, f"waited for {what}, and last found: {found}"
        await asyncio.sleep(_LOOK_AGAIN)


@cache
def missing() -> str:
    """Why there is no such engine on this machine; empty when there is one."""
    if not Path(SYSTEM_PYTHON).exists():
        return f"{SYSTEM_PYTHON} is missing, and with it the distribution's Qt WebEngine"
    imports = "import PyQt5.QtTest, PyQt5.QtWebEngineWidgets"
    tried = subprocess.run([SYSTEM_PYTHON, "-c", imports], capture_output=True, timeout=30, check=False)
    if tried.returncode:
        return "no Chromium 87 on this machine: it comes with Debian's python3-pyqt5.qtwebengine"
    return ""


class OldPhone:
    """Finds things by their visible words or accessible names, as the person does; waits for what must appear."""

    def __init__(self, site: str) -> None:
        self._site = site
        self._home = tempfile.TemporaryDirectory(prefix="peiban-old-phone-")
        self._process: Process | None = None
        self._shots = 0
        self.address = ""
        self.troubles: list[str] = []

    async def __aenter__(self) -> Self:
        home = Path(self._home.name)
        environment = {
            "PATH": os.defpath, "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "TZ": "Asia/Shanghai",
            "LANG": "C.UTF-8", "FONTCONFIG_FILE": str(fonts()),
            "QT_QPA_PLATFORM": "offscreen", "QT_QUICK_BACKEND": "software", "QT_LOGGING_RULES": "*.debug=false",
            "QTWEBENGINE_CHROMIUM_FLAGS": " ".join([*_FLAGS, f"--use-file-for-fake-video-capture={film()}"]),
        }  # fmt: skip
        script = Path(__file__).with_name("old_engine.py")
        with (home / "engine.log").open("wb") as log:
            self._process = await asyncio.create_subprocess_exec(
                SYSTEM_PYTHON, str(script), env=environment, stdin=PIPE, stdout=PIPE, stderr=log, limit=2**22
            )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        assert self._process is not None and self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 5)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._home.cleanup()

    async def open(self, path: str) -> None:
        """A path of the site, with its fragment; from a page of another path it is a full load."""
        assert await self._ask(do="open", url=self._site + path) is True

    async def read(self) -> str:
        return str(await self.run("text()"))

    async def see(self, *words: str) -> str:
        """Everything the page says, once it says all this."""
        return await eventually(self.read, lambda said: all(word in said for word in words), f"the words {words}")

    async def tap(self, name: str, *, within: str = "") -> None:
        point = await self._reach(name, within)
        await self._touch(do="click", x=point["x"], y=point["y"])

    async def type(self, name: str, text: str, *, within: str = "") -> None:
        await self._done(f"type({_js(name)}, {_js(text)}, {_js(within)})", name)

    async def photograph(self, name: str, *, within: str) -> None:
        await self._done(f"photograph({_js(name)}, {_js(within)})", name)

    async def scribble(self, name: str) -> None:
        """Handwriting on a drawing area."""
        box = await self._reach(name, "")
        for stroke in [(0.2, 0.3), (0.4, 0.7), (0.5, 0.3)], [(0.6, 0.7), (0.7, 0.3), (0.8, 0.6)]:
            points = [[round(box["left"] + x * box["width"]), round(box["top"] + y * box["height"])] for x, y in stroke]
            await self._touch(do="drag", points=points)

    async def run(self, script: str) -> Any:
        """The value of an expression, in a world of its own: it sees the document, not the page's objects."""
        return await self._ask(do="run", script=script)

    async def shoot(self, name: str) -> None:
        """A picture for people to look at, kept out of the repository. No page may be wider than the screen."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        self._shots += 1
        assert await self.run("overhang()") == 0
        await self.run("draw()")
        await self._until("drawn", bool, "a picture")
        assert await self._ask(do="grab", file=str(PICTURES / f"old-{self._shots:02d}-{name}.png"))

    async def _touch(self, **order: Any) -> None:
        before = await self.run("touches")
        await self._ask(**order)
        await self._until("touches", lambda touches: touches != before, "the touch to arrive")

    async def _reach(self, name: str, within: str) -> dict[str, float]:
        """Where to touch a control; waits until it is there, enabled, and nothing covers it."""
        script = f"reach({_js(name)}, {_js(within)})"
        return dict(await self._until(script, lambda found: isinstance(found, dict), f"a way to touch {name!r}"))

    async def _done(self, script: str, name: str) -> None:
        refused = await self._until(script, lambda refused: refused != "not found", f"{name!r}")
        assert refused == "", (name, refused)

    async def _until(self, script: str, fits: Callable[[Any], object], what: str) -> Any:
        try:
            return await eventually(lambda: self.run(script), fits, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; the page says: {await self.read()}") from None

    async def _ask(self, **order: Any) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        line = await asyncio.wait_for(self._process.stdout.readline(), _SECONDS)
        assert line, (Path(self._home.name) / "engine.log").read_text(errors="replace")
        answer = json.loads(line)
        self.address = answer["address"]
        self.troubles += answer["troubles"]
        return answer["value"]


def _js(text: str) -> str:
    return json.dumps(text)
