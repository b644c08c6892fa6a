"""Ratchets: the house stays as tidy as it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("eventstore", "cases", "inspection", "projections", "web", "service", "tests", "benchmarks")
FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "node_modules" not in path.parts)
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 50

# Whoever may import what, beside the floors: the walls inside a floor.
ONLY_IMPORTERS = {
    "aiortc": ("inspection/media/", "inspection/recording/"),
    "aioice": ("inspection/media/",),
    "av": ("inspection/media/", "inspection/recording/"),
    "PIL": ("cases/photo.py",),
    "typst": ("inspection/sheet/",),
    "pyhanko": ("inspection/signing.py", "cases/pdf_guard.py"),
}


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_files_and_functions_stay_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LINES_OF_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            assert lines <= LINES_OF_A_FUNCTION, f"{node.name} has {lines} lines"


@pytest.mark.parametrize("path", [p for p in FILES if not _name(p).startswith(("tests/", "benchmarks/"))], ids=_name)
def test_heavy_libraries_have_one_room(path: Path) -> None:
    for library, rooms in ONLY_IMPORTERS.items():
        if library in _imports(path):
            assert _name(path).startswith(rooms), f"{library} belongs into {rooms}"


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        _name(path)
        for path in FILES
        if not _name(path).startswith(("tests/", "benchmarks/"))
        and ("os.environ" in path.read_text(encoding="utf-8") or "getenv" in path.read_text(encoding="utf-8"))
    }
    assert readers <= {"service/config.py"}
