"""A canary person is written into every field, erased by two, and looked for everywhere (S13)."""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, redirect_stdout
from pathlib import Path
from uuid import UUID

import pytest

from cases.erasure import PersonalDataErased
from eventstore import EventStore, verify
from service.config import Settings
from service.upkeep import run_verify
from tests.database import Database
from tests.integration.web.canary import LOGIN, SECOND_CONTACT, VALUES, Logs, dumped, hunt, in_files, listening
from tests.integration.web.canary_walk import Walk, done
from tests.integration.web.world import Browser, World

# What photos and handwriting carry along is dropped on arrival where we make our own copy of it.
NEVER_KEPT = {"ink"}
# In the vault or on the disk, but on no page that is open at the end of the walk.
ON_NO_PAGE = {"latitude", "longitude", "unfiled name", "handover", "recording"}


@pytest.fixture
def logs() -> Iterator[Logs]:
    yield from listening()


@pytest.fixture
async def administrators(world: World) -> AsyncIterator[tuple[Browser, Browser]]:
    async with world.browser() as first, world.browser() as second:
        await first.log_in("administrator")
        await second.log_in("administrator2")
        yield first, second


def test_the_hunt_finds_a_value_in_whatever_spelling() -> None:
    name = VALUES["name"]
    for content in (
        name.encode(), name.encode("utf-16-le"), name.encode().hex().encode(), b"x" + ascii(name).encode(),
    ):  # fmt: skip
        assert hunt(b"before" + content + b"after") == {"name"}
    for before in (b"", b"a", b"ab"):
        assert hunt(base64.b64encode(before + name.encode() + b"tail")) == {"name"}
    assert hunt("慕容 金丝 雀".encode()) == set()


async def test_an_erased_person_is_found_nowhere(
    world: World, database: Database, tmp_path: Path, logs: Logs, administrators: tuple[Browser, Browser]
) -> None:
    async with AsyncExitStack() as stack:
        walk = await Walk.begin(world, stack)
        await walk.everything()
        await then_pages_show_the_person(walk, administrators[0])
        assert hunt(dumped(database)) == set(), "in the database in the open, before any erasure"
        assert set().union(*in_files(tmp_path).values()) == {"recording"}, "files lie sealed, but for recordings"
        await then_verify_holds(database, tmp_path, recordings=1)
        await then_what_is_held_says_so(administrators[0])
        await release_all(administrators)
        await erase(world, administrators, LOGIN)
        await erase(world, administrators, SECOND_CONTACT)
        await then_it_is_gone(walk, database, tmp_path, logs)
        await then_the_record_says_so(world.services.store, database, walk)
        await then_verify_holds(database, tmp_path, recordings=0)


async def then_pages_show_the_person(walk: Walk, administrator: Browser) -> None:
    """Or the hunt would prove nothing: each value is in the product before."""
    seen = set()
    for browser in (walk.applicant, *walk.staff.values(), administrator):
        for address in addresses(walk):
            seen |= hunt((await browser.get(address)).body)
    seen |= hunt((await walk.applicant.get("/outbox")).body)
    seen |= {"exif", "exif device", "file name"} & hunt(await whole(walk.applicant, walk.files[0]))
    assert VALUES.keys() - seen - NEVER_KEPT == ON_NO_PAGE


async def whole(browser: Browser, file: str) -> bytes:
    return (await browser.get(f"/attachments/{file}?variant=original")).body


def addresses(walk: Walk) -> list[str]:
    """Every page that shows something of a person, as its reader would open it."""
    cases = [f"/cases/{id}" for id in walk.cases.values()]
    found = [*cases, *(f"{case}/timeline" for case in cases), "/cases?view=all", "/cases?view=office", "/cases"]
    found += [f"/inspections/{id}" for id in walk.inspections.values()] + ["/inspections", "/complaints"]
    found += [f"/oversight/cases?q={LOGIN}", "/oversight/cases?q=", "/erasures"]
    found += [f"/attachments/{file}?variant={v}" for file in walk.files for v in ("original", "display", "thumbnail")]
    found += walk.evidence + [f"{one}?variant=original" for one in walk.evidence if "/stills/" in one]
    return found


async def then_what_is_held_says_so(administrator: Browser) -> None:
    found = await done(administrator.post("/erasures/find", {"words": LOGIN}))
    why = {case["status"]: case["why"] for case in found["cases"]}
    assert why == {"refused": "held", "withdrawn": why["withdrawn"], "not-accepted": ""}
    assert sorted(case["why"] for case in found["cases"]) == ["", "", "held", "held"]
    bases = {hold["basis"] for case in found["cases"] for hold in case["holds"]}
    assert bases == {"archive-decided", "archive-inspected"}
    assert hunt(found.body) == set(), "who erases need not see what"


async def release_all(administrators: tuple[Browser, Browser]) -> None:
    first, second = administrators
    for case in (await first.post("/erasures/find", {"words": LOGIN}))["cases"]:
        for hold in case["holds"]:
            at, body = f"/cases/{case['id']}/holds", {"hold": hold["hold"]}
            await done(first.post(f"{at}/request-release", {**body, "ground": "period-shorter"}))
            await done(second.post(f"{at}/release", body))


async def erase(world: World, administrators: tuple[Browser, Browser], phone: str) -> None:
    found = await done(administrators[0].post("/erasures/find", {"words": phone}))
    body = {"person": found["person"], "cases": [case["id"] for case in found["cases"]], "whole": True}
    asked = await done(administrators[0].post("/erasures", {**body, "basis": "consent-withdrawn"}))
    await done(administrators[1].post(f"/erasures/{asked['answer']['erasure_id']}/approve"))
    await world.settle()


async def then_it_is_gone(walk: Walk, database: Database, folder: Path, logs: Logs) -> None:
    answers = b""
    for login, browser in walk.staff.items():
        for address in addresses(walk):
            answer = await browser.get(address)
            assert answer.status < 500, (login, address)
            answers += answer.body
    assert hunt(answers) == set()
    assert hunt((await walk.applicant.get("/outbox")).body) == set()
    for address in [*walk.evidence, *(f"/attachments/{file}" for file in walk.files)]:
        answer = await walk.staff["reviewer"].get(address)
        assert (answer.status, answer.code) == (410, "erased"), address
    assert (await walk.applicant.get(f"/cases/{walk.cases['decided']}")).code == "not-logged-in"
    assert hunt(dumped(database)) == set()
    assert in_files(folder) == {}
    assert not list((folder / "attachments").iterdir())
    assert {
        name: [line for line in logs.lines if name in hunt(line.encode())][:2] for name in hunt(logs_of(logs))
    } == {}


def logs_of(logs: Logs) -> bytes:
    assert any('"route"' in line for line in logs.lines), "nothing was logged: nothing would be found"
    return "\n".join(logs.lines).encode()


async def then_the_record_says_so(store: EventStore, database: Database, walk: Walk) -> None:
    assert (await verify(database.service_url)).first_bad is None
    told = [r.event for r in await store.page(0, 10_000) if isinstance(r.event, PersonalDataErased)]
    assert sorted(told[0].cases) == sorted(walk.cases.values())
    assert told[0].forgotten and told[1].forgotten
    assert {part["inspection"] for part in told[0].recordings} == {walk.inspections["remote"]}
    assert len(told[0].files) > 10 and all(UUID(file) for file in told[0].files)


async def then_verify_holds(database: Database, folder: Path, *, recordings: int) -> None:
    """The command that an office runs: what was erased by right is not missed."""
    settings = Settings(data_dir=folder, database_url=database.owner_url)
    printed = io.StringIO()
    with redirect_stdout(printed):
        assert await asyncio.to_thread(run_verify, settings) == 0, printed.getvalue()
    assert f"{recordings} journals read, {recordings} of them sealed" in printed.getvalue()
