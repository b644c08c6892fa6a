from __future__ import annotations

from tests.builders import uid
from tests.integration.web.world import Browser, World
from web.codes import TRIES

PHONE = "13800138000"


async def test_a_member_of_staff_logs_in_and_is_known_by_role_and_office(browser: Browser) -> None:
    answer = await browser.log_in("officer")
    assert (answer["kind"], answer["roles"], answer["office"]) == ("staff", ["officer"], "qd-shinan")
    assert (await browser.get("/session"))["name"] == "人员officer"


async def test_a_wrong_password_and_an_unknown_login_are_told_the_same(browser: Browser) -> None:
    wrong, unknown = await browser.log_in("officer", "x"), await browser.log_in("nobody", "x")
    assert (wrong.status, wrong.value) == (401, unknown.value)


async def test_guessing_from_one_address_is_slowed_down(browser: Browser, world: World) -> None:
    answers = [await browser.log_in("officer", f"guess {n}") for n in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert int(answers[-1].headers["Retry-After"]) == answers[-1].value["details"]["retry_after"]
    assert (await browser.log_in("officer")).status == 429
    world.later(seconds=31)
    assert (await browser.log_in("officer")).status == 200


async def test_an_attacker_cannot_lock_the_owner_out_of_his_own_computer(world: World) -> None:
    async with world.browser() as owner, world.browser() as attacker:
        await owner.log_in("officer")
        await owner.post("/logout")
        while (await attacker.log_in("officer", "guess")).status != 429:
            pass
        assert (await owner.log_in("officer")).status == 200


async def test_an_applicant_logs_in_with_the_code_sent_to_his_phone(browser: Browser, world: World) -> None:
    sent = await browser.post("/login/code", {"phone": "+86 138-0013-8000"})
    assert sent["masked_phone"] == "138****8000"
    answer = await browser.post("/login/verify", {"phone": PHONE, "code": await world.code_for(PHONE)})
    assert (answer["kind"], answer["masked_phone"]) == ("applicant", "138****8000")


async def test_a_code_bears_five_tries_however_many_are_made(browser: Browser, world: World) -> None:
    await browser.post("/login/code", {"phone": PHONE})
    right = await world.code_for(PHONE)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    for _ in range(TRIES):
        assert (await browser.post("/login/verify", {"phone": PHONE, "code": wrong})).code == "code-refused"
    assert (await browser.post("/login/verify", {"phone": PHONE, "code": right})).code == "code-refused"


async def test_another_browser_can_neither_use_a_code_nor_use_up_its_tries(browser: Browser, world: World) -> None:
    await browser.post("/login/code", {"phone": PHONE})
    right = await world.code_for(PHONE)
    async with world.browser() as other:
        for _ in range(TRIES + 1):
            assert (await other.post("/login/verify", {"phone": PHONE, "code": right})).code == "code-refused"
    assert (await browser.post("/login/verify", {"phone": PHONE, "code": right})).status == 200


async def test_a_code_works_once_and_for_five_minutes(browser: Browser, world: World) -> None:
    await browser.post("/login/code", {"phone": PHONE})
    code = await world.code_for(PHONE)
    world.later(minutes=6)
    assert (await browser.post("/login/verify", {"phone": PHONE, "code": code})).code == "code-refused"
    await browser.enter(PHONE, world)
    used = {"phone": PHONE, "code": await world.code_for(PHONE)}
    assert (await browser.post("/login/verify", used)).code == "code-refused"


async def test_messages_to_one_phone_are_rationed(browser: Browser) -> None:
    answers = [await browser.post("/login/code", {"phone": PHONE}) for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]


async def test_a_session_ends_when_it_is_idle_or_ended(browser: Browser, world: World) -> None:
    await browser.log_in("officer")
    assert (await browser.get("/cases")).status == 200
    world.later(minutes=61)
    assert (await browser.get("/cases")).code == "not-logged-in"
    await browser.log_in("officer")
    await browser.post("/logout")
    assert (await browser.get("/session"))["kind"] == "none"


async def test_no_token_code_or_phone_stands_in_the_database(browser: Browser, world: World) -> None:
    await browser.enter(PHONE, world)
    tokens = [cookie.value for cookie in browser.http.cookie_jar]
    database = world.services.database
    for table in ("sessions", "codes", "throttles", "outbox", "files"):
        for row in await database.fetch(f"SELECT t::text AS text FROM web.{table} t"):
            assert not any(secret in row["text"] for secret in [PHONE, PHONE.encode().hex(), *tokens])


async def test_a_new_password_ends_the_sessions_that_stood(browser: Browser, world: World) -> None:
    await browser.log_in("officer")
    assert world.services.credentials is not None
    await world.services.credentials.set(uid("officer"), "officer", "another one")
    assert (await browser.get("/cases")).code == "not-logged-in"
