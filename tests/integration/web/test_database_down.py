from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from eventstore import EventStore, VaultKeys
from eventstore.embedded import OWNER, SUPERUSER, EmbeddedPostgres
from eventstore.migrate import SERVICE_ROLE
from tests.database import FAST, TEMPLATE, Database, make_template
from tests.integration.web.world import Browser, World, file_case, open_world

PHONE = "13800138000"


@pytest.fixture
def server(server_root: Path) -> Iterator[EmbeddedPostgres]:
    """A server of the test's own, to be stopped and started."""
    server = EmbeddedPostgres(server_root, settings=FAST)
    server.start()
    make_template(server)
    yield server
    server.stop()


async def test_while_the_database_is_down_people_are_told_and_nothing_is_half_done(
    server: EmbeddedPostgres, tmp_path: Path, vault_keys: VaultKeys
) -> None:
    database = Database(TEMPLATE, *(server.url(user, TEMPLATE) for user in (OWNER, SERVICE_ROLE, SUPERUSER)))
    store = await EventStore.open(database.service_url, keys=vault_keys)
    async with open_world(store, database, tmp_path) as world, world.browser() as browser:
        await browser.enter(PHONE, world)
        filed = await file_case(browser)
        server.stop()
        await _told(browser, filed["answer"]["case_id"])
        server.start()
        await _goes_on(world, browser)
    await store.close()


async def _told(browser: Browser, case_id: str) -> None:
    for answer in (
        await browser.get(f"/cases/{case_id}"),
        await browser.post(f"/cases/{case_id}/withdraw", {"reason": "不开了"}),
        await browser.log_in("officer"),
    ):
        assert (answer.status, answer.code) == (503, "record-unavailable")
        assert "稍后" in answer.value["title"] and int(answer.headers["Retry-After"]) > 0
    assert (await browser.get("/items"))["items"]
    assert (await browser.get("/site/healthz")).status == 200
    assert (await browser.get("/site/readyz")).status == 503
    assert b"peiban_http_requests_total" in (await browser.get("/site/metrics")).body


async def _goes_on(world: World, browser: Browser) -> None:
    """The first statement on a connection that died may still fail; the one after it does not."""
    for _ in range(5):
        answer = await browser.get("/cases")
        if answer.status == 200:
            break
    assert answer["total"] == 1
    assert answer["cases"][0]["status"] == "received"
    await world.settle()
    assert (await browser.get("/site/readyz")).status == 200
