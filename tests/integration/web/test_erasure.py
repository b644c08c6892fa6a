"""Erasure through the product's own door: two administrators, holds, and what pages show afterwards."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import errors

from cases.commands import CompleteErasure, NoteInspection
from cases.erasure import PersonalDataErased
from cases.hold import holds_id
from eventstore import ErasedError, ErasureRefusedError, verify
from tests.builders import uid
from tests.database import Database
from tests.integration.web.world import SYSTEM, Answer, Browser, World, companion_of, file_case, photo
from web.opened import ERASED

PHONE = "13800138000"


async def withdrawn(world: World, applicant: Browser) -> str:
    """A case that was withdrawn: nothing keeps it. Its id."""
    await applicant.enter(PHONE, world)
    filed = await file_case(applicant)
    case = str(filed["answer"]["case_id"])
    assert (await applicant.post(f"/cases/{case}/withdraw", {"reason": "不办了"})).status == 200
    return case


async def decided(world: World, applicant: Browser) -> str:
    await applicant.enter(PHONE, world)
    filed = await file_case(applicant)
    case = str(filed["answer"]["case_id"])
    async with await companion_of(world, filed) as officer, world.browser() as reviewer:
        assert (await officer.post(f"/cases/{case}/accept")).status == 200
        note = NoteInspection(
            case_id=UUID(case), inspection_id=uid("inspection"), stage="sealed", mode="on-site", outcome="failed",
            on_the_spot=True,
        )  # fmt: skip
        await world.do(SYSTEM, note)
        await reviewer.log_in("reviewer")
        answer = await reviewer.post(f"/cases/{case}/decide", {"granted": False, "reasons": "后厨与厕所未隔开。"})
        assert answer.status == 200
    await world.settle()
    return case


async def find(browser: Browser, words: str = PHONE) -> Answer:
    return await browser.post("/erasures/find", {"words": words})


async def ask(browser: Browser, *, whole: bool = True, words: str = PHONE) -> Answer:
    found = await find(browser, words)
    body = {"person": found["person"], "cases": [c["id"] for c in found["cases"]], "whole": whole}
    return await browser.post("/erasures", {**body, "basis": "consent-withdrawn"})


async def approve(world: World, browser: Browser, asked: Answer) -> Answer:
    answer = await browser.post(f"/erasures/{asked['answer']['erasure_id']}/approve")
    await world.settle()
    return answer


@pytest.fixture
async def both(world: World) -> tuple[Browser, Browser]:
    first, second = world.browser(), world.browser()
    await first.log_in("administrator")
    await second.log_in("administrator2")
    return first, second


@pytest.fixture(autouse=True)
async def closed(both: tuple[Browser, Browser]) -> object:
    yield
    for browser in both:
        await browser.http.close()


async def test_two_administrators_erase_and_every_page_says_so(
    world: World, browser: Browser, both: tuple[Browser, Browser], database: Database
) -> None:
    case = await withdrawn(world, browser)
    page = await browser.get(f"/cases/{case}")
    file = page["materials"][0]["attachments"][0]["id"]
    asked = await ask(both[0])
    assert (await approve(world, both[0], asked)).code == "same-person"
    assert (await both[0].get("/erasures"))["erasures"][0]["may"] == []
    assert (await both[1].get("/erasures"))["erasures"][0]["may"] == ["ApproveErasure", "DeclineErasure"]
    assert (await approve(world, both[1], asked)).status == 200
    done = (await both[0].get("/erasures"))["erasures"][0]
    assert (done["status"], done["forgotten"]) == ("erased", True)
    assert done["files"] >= 1 and done["keys"] >= 2 and done["entries"] > 5

    assert (await browser.get(f"/cases/{case}")).code == "not-logged-in"
    async with world.browser() as head, world.browser() as supervisor:
        await head.log_in("head")
        seen = await head.get(f"/cases/{case}")
        assert seen["summary"]["applicant"] == ERASED
        assert {value["value"] for value in seen["form"] if value["code"] != "district"} >= {ERASED}
        assert seen["steps"][-1]["topic"] == "case-data-erased"
        assert (await head.get(f"/attachments/{file}")).code == "erased"
        await supervisor.log_in("supervisor")
        assert (await supervisor.get(f"/cases/{case}/timeline"))["case"]["applicant"] == ERASED
        assert (await supervisor.get(f"/oversight/cases?q={PHONE}"))["cases"] == []
        number = seen["summary"]["number"]
        assert (await supervisor.get(f"/oversight/cases?q={number}"))["cases"][0]["place"] == ERASED
    assert (await find(both[0]))["person"] is None
    assert (await verify(database.service_url)).first_bad is None


async def test_what_was_decided_is_held_by_rule_until_two_release_it(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    case = await decided(world, browser)
    found = (await find(both[0]))["cases"][0]
    assert found["why"] == "held"
    assert [(hold["basis"], hold["confirmed"]) for hold in found["holds"]] == [
        ("archive-inspected", False),
        ("archive-decided", False),
    ]
    refused = await ask(both[0], whole=False)
    assert (refused.status, refused.code) == (409, "legal-hold")
    for hold in (1, 2):
        body = {"hold": hold, "ground": "period-shorter"}
        assert (await both[0].post(f"/cases/{case}/holds/request-release", body)).status == 200
        assert (await both[0].post(f"/cases/{case}/holds/release", {"hold": hold})).code == "same-person"
        assert len((await both[1].get("/erasures"))["releases"]) == 1
        assert (await both[1].post(f"/cases/{case}/holds/release", {"hold": hold})).status == 200
    assert (await find(both[0]))["cases"][0]["why"] == ""
    assert (await approve(world, both[1], await ask(both[0], whole=False))).status == 200
    assert (await find(both[0]))["cases"][0]["why"] == "erased"


async def test_the_rest_goes_on_when_a_case_is_held_or_open(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    gone = await withdrawn(world, browser)
    held = await withdrawn(world, browser)
    open_case = str((await file_case(browser))["answer"]["case_id"])
    assert (await both[0].post(f"/cases/{held}/holds", {"basis": "litigation"})).status == 200
    asked = await ask(both[0])
    listed = (await both[0].get("/erasures"))["erasures"][0]
    assert [one["id"] for one in listed["cases"]] == [gone]
    assert {one["id"]: one["why"] for one in listed["left"]} == {held: "held", open_case: "open"}
    await approve(world, both[1], asked)
    await browser.enter(PHONE, world)
    names = {one["id"]: one["applicant"] for one in (await browser.get("/cases"))["cases"]}
    assert names[gone] == ERASED and ERASED not in (names[held], names[open_case])
    assert not (await both[0].get("/erasures"))["erasures"][0]["forgotten"]
    archive = {"basis": "archive-decided"}
    assert (await both[0].post(f"/cases/{held}/holds", archive)).code == "not-permitted"


async def test_a_hold_placed_after_the_approval_still_keeps_the_case(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    """The reaction stands still in between; the database sees the hold all the same."""
    case = await withdrawn(world, browser)
    asked = await ask(both[0], whole=False)
    assert (await both[0].post(f"/cases/{case}/holds", {"basis": "criminal"})).status == 200
    await approve(world, both[1], asked)
    done = (await both[0].get("/erasures"))["erasures"][0]
    assert (done["status"], done["left"][0]["why"], done["keys"]) == ("held-back", "held", 0)
    assert (await browser.get(f"/cases/{case}"))["summary"]["applicant"] != ERASED


async def test_declined_nothing_happens(
    world: World, browser: Browser, both: tuple[Browser, Browser], database: Database
) -> None:
    case = await withdrawn(world, browser)
    asked = await ask(both[0])
    at = f"/erasures/{asked['answer']['erasure_id']}"
    assert (await both[1].post(f"{at}/decline", {"ground": "identity-not-proved"})).status == 200
    assert (await approve(world, both[1], asked)).code == "wrong-state"
    assert (await browser.get(f"/cases/{case}"))["summary"]["applicant"] != ERASED
    erasure = UUID(asked["answer"]["erasure_id"])
    # An approval that was written past the aggregate does not make up for it.
    forge(database, erasure, "erasure-approved", f'{{"actor": "staff:{uid("administrator2")}"}}')
    with pytest.raises(ErasureRefusedError):
        await world.services.store.vault.erase(erasure)


async def test_the_database_refuses_what_was_not_approved_by_another(
    world: World, browser: Browser, both: tuple[Browser, Browser], database: Database
) -> None:
    await withdrawn(world, browser)
    erasure = UUID((await ask(both[0]))["answer"]["erasure_id"])
    for id in (erasure, uuid4()):
        with pytest.raises(ErasureRefusedError):
            await world.services.store.vault.erase(id)
    for statement in (
        "DELETE FROM vault.entries",
        "DELETE FROM vault.data_keys",
        "DELETE FROM vault.subjects",
        "INSERT INTO vault.erasures VALUES (gen_random_uuid(), 'case', gen_random_uuid(), true, NULL, 0)",
        "SELECT cases.reach(gen_random_uuid(), '{}', true)",
    ):
        with psycopg.connect(database.service_url) as connection, pytest.raises(errors.InsufficientPrivilege):
            connection.execute(statement.encode())


async def test_one_person_in_both_parts_is_refused_by_the_database_too(
    world: World, browser: Browser, both: tuple[Browser, Browser], database: Database
) -> None:
    """As if the aggregate had let it pass: the approval stands in the record, by the one who asked."""
    await withdrawn(world, browser)
    erasure = UUID((await ask(both[0]))["answer"]["erasure_id"])
    forge(database, erasure, "erasure-approved", f'{{"actor": "staff:{uid("administrator")}"}}')
    with pytest.raises(ErasureRefusedError):
        await world.services.store.vault.erase(erasure)
    forge(database, erasure, "erasure-approved", '{"actor": "system:approver"}')
    with pytest.raises(ErasureRefusedError):
        await world.services.store.vault.erase(erasure)


async def test_a_hold_released_by_one_person_still_stands_for_the_database(
    world: World, browser: Browser, both: tuple[Browser, Browser], database: Database
) -> None:
    case = UUID(await withdrawn(world, browser))
    asked = UUID((await ask(both[0], whole=False))["answer"]["erasure_id"])
    await both[0].post(f"/cases/{case}/holds", {"basis": "criminal"})
    one = f'"actor": "staff:{uid("administrator")}", "hold": 1'
    forge(database, holds_id(case), "hold-release-requested", f"{{{one}}}")
    forge(database, holds_id(case), "hold-released", f'{{{one}, "asked_by": "staff:{uid("administrator")}"}}')
    forge(database, asked, "erasure-approved", f'{{"actor": "staff:{uid("administrator2")}"}}')
    assert await world.services.store.vault.erase(asked) == []


def forge(database: Database, stream: UUID, topic: str, state: str) -> None:
    """An event written past the program, as its owner could; the chain of hashes does not matter here."""
    with psycopg.connect(database.owner_url) as connection:
        connection.execute(
            "INSERT INTO peiban_events (notification_id, originator_id, originator_version, topic, state, hash)"
            " SELECT 1000000 + (SELECT count(*) FROM peiban_events), %s, 1 + max(originator_version), %s, %s,"
            " decode(repeat('00', 32), 'hex') FROM peiban_events WHERE originator_id = %s",
            (stream, topic, state.encode(), stream),
        )


async def test_told_again_the_database_answers_the_same_and_destroys_nothing_more(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    await withdrawn(world, browser)
    asked = await ask(both[0])
    await approve(world, both[1], asked)
    erasure = UUID(asked["answer"]["erasure_id"])
    first = await world.services.store.vault.erase(erasure)
    await withdrawn(world, browser)  # the same telephone again: somebody new
    assert await world.services.store.vault.erase(erasure) == first
    assert (await browser.get("/cases"))["cases"][0]["applicant"] != ERASED


async def test_what_was_erased_does_not_fill_up_again(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    case = UUID(await withdrawn(world, browser))
    vault = world.services.store.vault
    person = await vault.find("phone", PHONE)
    assert person is not None
    await approve(world, both[1], await ask(both[0]))
    with pytest.raises(ErasedError):
        await vault.cipher(person, case)
    assert not await vault.holds(person, case)


async def test_an_erasure_is_completed_once_and_only_after_its_approval(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    case = UUID(await withdrawn(world, browser))
    asked = await ask(both[0])
    erasure = UUID(asked["answer"]["erasure_id"])
    early = CompleteErasure(
        erasure_id=erasure, cases=[case], left={}, keys=0, entries=0, files=[], recordings=[], forgotten=False
    )
    assert (await both[0].get("/erasures"))["erasures"][0]["status"] == "requested"
    with pytest.raises(Exception, match="wrong-state"):
        await world.do(SYSTEM, early)
    await approve(world, both[1], asked)
    await world.do(SYSTEM, early)
    told = [recorded.topic for recorded in await world.services.store.events(erasure)]
    assert told == ["erasure-requested", "erasure-approved", PersonalDataErased.TOPIC]


async def test_uploads_that_nobody_filed_go_with_the_person(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    await withdrawn(world, browser)
    file = await browser.upload(photo(), "a.jpg", "image/jpeg")
    await approve(world, both[1], await ask(both[0]))
    folder = world.services.settings.recordings.parent / "attachments"
    assert not list(folder.iterdir())
    async with world.browser() as again:
        await again.enter(PHONE, world)
        assert (await again.get(f"/attachments/{file['id']}")).code == "missing"


@pytest.mark.parametrize("login", ["head", "officer", "supervisor"])
async def test_erasing_is_for_administrators(world: World, browser: Browser, login: str) -> None:
    async with world.browser() as applicant:
        case = await withdrawn(world, applicant)
    await browser.log_in(login)
    body = {"person": str(uuid4()), "cases": [case], "whole": True, "basis": "other-law"}
    assert (await browser.post("/erasures", body)).code == "not-permitted"
    assert (await find(browser)).status == 404
    assert (await browser.post(f"/cases/{case}/holds", {"basis": "litigation"})).code == "not-permitted"


async def test_another_persons_case_cannot_be_slipped_in(
    world: World, browser: Browser, both: tuple[Browser, Browser]
) -> None:
    mine = await withdrawn(world, browser)
    async with world.browser() as stranger:
        await stranger.enter("13900139000", world)
        theirs = (await file_case(stranger))["answer"]["case_id"]
    found = await find(both[0])
    body = {"person": found["person"], "cases": [mine, theirs], "whole": False, "basis": "other-law"}
    assert (await both[0].post("/erasures", body)).code == "invalid-input"


async def test_a_hold_ends_with_its_last_day(world: World, browser: Browser, both: tuple[Browser, Browser]) -> None:
    case = await withdrawn(world, browser)
    last = (world.clock.now + timedelta(days=10)).date().isoformat()
    assert (await both[0].post(f"/cases/{case}/holds", {"basis": "supervision", "until": last})).status == 200
    assert (await find(both[0]))["cases"][0]["why"] == "held"
    world.later(days=11)
    await both[0].log_in("administrator")
    assert (await find(both[0]))["cases"][0]["why"] == ""
