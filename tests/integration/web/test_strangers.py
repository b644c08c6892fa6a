"""Every route of the table, called by everybody who has no business with the case: nothing is done, nothing is told."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import pytest

from cases.case import Case
from tests.builders import RESTAURANT, form_values, uid
from tests.integration.web.test_inspections import Planned, handwriting, planned
from tests.integration.web.world import ITEM, Answer, Browser, World, photo
from web.app import ALL_ROUTES
from web.routing import Route

__all__ = ["planned"]  # a fixture

STRANGER = "13900139000"
ABOUT_SOMETHING = [route for route in ALL_ROUTES if route.placeholders and "code" not in route.placeholders]
VALUES: dict[str, Any] = {
    "reason": "no-camera", "reasons": "x", "note": "x", "outcome": "x", "reply": "x", "decision": "x", "comment": "x",
    "to": str(uid("foreign")), "gaps": [{"target": "name", "what": "x"}], "granted": True, "level": 5,
    "result": "solved", "told_by": "phone", "inspectors": [str(uid("reviewer")), str(uid("second"))], "mode": "remote",
    "starts_at": "2026-09-22T09:00:00+08:00", "digest": "0" * 64, "verdict": "pass", "accepted": True, "version": "1",
    "form": form_values(ITEM), "item": RESTAURANT, "handwriting": handwriting(),
    "basis": "litigation", "hold": 1,
}  # fmt: skip
GROUNDS = {
    "DeclineErasure": "still-needed",
    "RequestHoldRelease": "matter-ended",
    "DeclineHoldRelease": "period-runs",
}


@pytest.fixture
async def strangers(world: World) -> AsyncIterator[dict[str, Browser]]:
    async with AsyncExitStack() as stack:
        names = ("nobody", "applicant", "officer", "administrator")
        browsers = {name: await stack.enter_async_context(world.browser()) for name in names}
        await browsers["applicant"].enter(STRANGER, world)
        await browsers["officer"].log_in("foreign")
        await browsers["administrator"].log_in("administrator")
        yield browsers


async def call(browser: Browser, route: Route, ids: dict[str, str]) -> Answer:
    path = re.sub(r"{(\w+)}", lambda found: ids[found[1]], route.path)
    if route.method == "GET":
        headers = {"Origin": browser.base, "Upgrade": "websocket", "Connection": "Upgrade"}
        return await browser.get(path, **(headers if route.media == "websocket" else {}))
    if route.upload is not None:
        form = aiohttp.FormData({"item": ITEM.checklist[0].code})
        form.add_field("file", photo(), filename="a.jpg", content_type="image/jpeg")
        return await browser.post(path, data=form)
    fields = getattr(route.body, "__struct_fields__", ())
    body = {name: VALUES[name] for name in fields if name in VALUES and name not in ids}
    if "ground" in fields and route.body is not None:
        body["ground"] = GROUNDS[route.body.__name__]
    return await browser.post(path, body)


async def asked_erasure(strangers: dict[str, Browser], case: str, person: str) -> str:
    body = {"person": person, "cases": [case], "whole": True, "basis": "other-law"}
    return str((await strangers["administrator"].post("/erasures", body))["answer"]["erasure_id"])


async def test_strangers_do_nothing_and_learn_nothing(
    world: World, planned: Planned, strangers: dict[str, Browser]
) -> None:
    inspection, case = planned.path.rpartition("/")[2], planned.case.rpartition("/")[2]
    view = await planned.applicant.get(planned.case)
    attachment = view["materials"][0]["attachments"][0]["id"]
    names = ("visit_id", "complaint_id", "still")
    real = {"case_id": case, "inspection_id": inspection, "attachment_id": attachment, "part": "1", "page": "1"}
    real |= {"item": ITEM.checklist[0].code, "participant": f"guest:{inspection}", **{n: str(uuid4()) for n in names}}
    case_row = await world.services.store.get(Case, UUID(case))
    real["erasure_id"] = await asked_erasure(strangers, case, case_row.applicant.removeprefix("person:"))
    none = real | {name: str(uuid4()) for name in ("case_id", "inspection_id", "attachment_id")}
    head = await world.services.store.head()
    for who, browser in strangers.items():
        # Holds and erasures of the region are the administrator's business, and nobody else's.
        for route in [r for r in ABOUT_SOMETHING if (who, r.tag) != ("administrator", "erasures")]:
            answer = await call(browser, route, real)
            said = (who, route.method, route.path, answer.status, answer.value)
            assert answer.status in (401, 403, 404), said
            if route.method == "GET":
                nothing = await call(browser, route, none)
                assert (answer.status, answer.body) == (nothing.status, nothing.body), said
    assert await world.services.store.head() == head
