from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from cases.commands import NoteInspection
from tests.builders import RESTAURANT, form_values, uid
from tests.integration.web.test_closed_loop import decided
from tests.integration.web.world import ITEM, SYSTEM, Browser, World, companion_of, file_case

PHONE = "13800138000"
NOTHING = {"cases": 0, "inspections": 0, "complaints": 0}


async def waiting(world: World, login: str) -> dict[str, Any]:
    async with world.browser() as browser:
        await browser.log_in(login)
        answer = await browser.get("/waiting")
        assert answer.status == 200, answer.value
        return dict(answer.value)


async def note(world: World, case: str, *, stage: str, outcome: str = "") -> None:
    await world.do(
        SYSTEM,
        NoteInspection(
            case_id=UUID(case), inspection_id=uid("inspection"), stage=stage, mode="on-site",  # type: ignore[arg-type]
            outcome=outcome, on_the_spot=True,  # type: ignore[arg-type]
        ),
    )  # fmt: skip


async def test_a_case_waits_for_its_companion_then_for_the_reviewers(world: World, browser: Browser) -> None:
    await browser.enter(PHONE, world)
    filed = await file_case(browser)
    case = str(filed["answer"]["case_id"])
    async with await companion_of(world, filed) as companion:
        assert (await companion.get("/waiting"))["cases"] == 1
        assert await waiting(world, "reviewer") == NOTHING
        assert (await companion.post(f"/cases/{case}/accept")).status == 200
        assert (await companion.get("/waiting"))["cases"] == 0
    assert (await waiting(world, "reviewer"))["cases"] == 1
    assert await waiting(world, "foreign") == await waiting(world, "head") == NOTHING
    await note(world, case, stage="planned")
    assert (await waiting(world, "reviewer"))["cases"] == 0
    await note(world, case, stage="sealed", outcome="passed")
    assert (await waiting(world, "reviewer"))["cases"] == 1


async def test_an_inspection_waits_for_its_inspectors_until_it_is_arranged_and_on_its_day(
    world: World, browser: Browser
) -> None:
    await browser.enter(PHONE, world)
    filed = await file_case(browser)
    case = f"/cases/{filed['answer']['case_id']}"
    async with await companion_of(world, filed) as companion, world.browser() as reviewer:
        await companion.post(f"{case}/accept")
        await reviewer.log_in("reviewer")
        inspectors = [str(uid("reviewer")), str(uid("second"))]
        made = await reviewer.post(f"{case}/inspections", {"mode": "remote", "inspectors": inspectors})
        assert (await reviewer.get("/waiting"))["inspections"] == 1
        path = f"/inspections/{made['answer']['inspection_id']}"
        starts = world.clock.now + timedelta(days=2)
        assert (await reviewer.post(f"{path}/slot", {"starts_at": starts.isoformat()})).status == 200
        assert (await reviewer.get("/waiting"))["inspections"] == 0
    world.later(days=2)
    assert (await waiting(world, "second"))["inspections"] == 1
    assert await waiting(world, "supervisor") == NOTHING


async def test_a_complaint_waits_for_who_answers_and_calls_back(world: World, browser: Browser) -> None:
    path = await decided(world, browser)
    assert (await browser.post(f"{path}/evaluate", {"level": 1, "comment": "没有说清楚"})).status == 200
    await world.settle()
    assert await waiting(world, "complaints") == {**NOTHING, "complaints": 1}
    assert await waiting(world, "head") == NOTHING


async def test_pages_say_offices_and_choices_in_both_languages(world: World, browser: Browser) -> None:
    await browser.enter(PHONE, world)
    field = next(field for field in ITEM.form if field.options)
    form = {**form_values(ITEM), field.code: field.options[0].zh}
    filed = await browser.post("/cases", {"item": RESTAURANT, "form": form})
    page = await browser.get(f"/cases/{filed['answer']['case_id']}")
    assert page["summary"]["office_name"] == {"zh": "qd-shinan局", "en": "qd-shinan"}
    shown = next(value for value in page["form"] if value["code"] == field.code)
    assert shown["choice"] == {"zh": field.options[0].zh, "en": field.options[0].en}
    assert all(value["choice"] is None for value in page["form"] if value["code"] == "phone")
