from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Playwright, async_playwright

from tests.e2e.browsers import Browsers
from tests.e2e.service import DemoService


@pytest.fixture
def demo() -> Iterator[DemoService]:
    """A demonstration of the test's own, started; everything of it is gone afterwards."""
    root = Path(tempfile.mkdtemp(prefix="peiban-e2e-"))
    root.chmod(0o755)  # the database's user must reach its folder when root runs the tests
    service = DemoService(root / "data")
    service.start()
    try:
        yield service
    finally:
        service.stop()
        shutil.rmtree(root)


@pytest.fixture
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest.fixture
async def browsers(
    playwright: Playwright, demo: DemoService, request: pytest.FixtureRequest
) -> AsyncIterator[Browsers]:
    async with Browsers(playwright, demo) as browsers:
        failed_before = request.session.testsfailed
        yield browsers
        if request.session.testsfailed > failed_before:
            print(await browsers.last_words())  # noqa: T201 -- pytest shows it with the failure
