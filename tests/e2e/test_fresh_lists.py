"""The lists of a desk have no live channel: they ask again while somebody looks, and never behind another window."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

from playwright.async_api import Response

from tests.e2e.browsers import Browsers
from tests.e2e.looks import shown
from tests.e2e.people import Official
from tests.e2e.service import DemoService

LISTS = {"/desk": "/api/v1/cases", "/desk/agenda": "/api/v1/inspections"}
PERIOD_MS = 20_000
LOOK = """(state) => {
    Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => state })
    document.dispatchEvent(new Event('visibilitychange'))
}"""


def of(path: str) -> Callable[[Response], bool]:
    return lambda answer: urlsplit(answer.url).path == path


async def test_a_list_and_its_number_are_read_again_only_while_somebody_looks(
    demo: DemoService, browsers: Browsers
) -> None:
    li = Official(await browsers.desk(), demo, "li")
    page, requests = li.page, list[str]()
    await page.clock.install()
    await li.log_in()
    page.on("request", lambda request: requests.append(urlsplit(request.url).path))
    for address, path in LISTS.items():
        await shown(page, address)
        for read in (path, "/api/v1/waiting"):
            async with page.expect_response(of(read)):
                await page.clock.fast_forward(PERIOD_MS)
        await page.evaluate(LOOK, "hidden")
        requests.clear()
        await page.clock.fast_forward(10 * PERIOD_MS)
        assert await page.evaluate("() => fetch('/healthz').then(() => true)")  # whatever was asked before is noted
        assert {path, "/api/v1/waiting"}.isdisjoint(requests)
        async with page.expect_response(of(path)):
            await page.evaluate(LOOK, "visible")
