"""From the slot to the sealed sheet, by reactions on a real record."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from uuid import UUID, uuid4

import pypdf
import pytest

from cases import commands as c
from cases.attachments import AttachmentStore
from cases.case import Case
from cases.catalogue import shipped
from cases.errors import NotPermittedError, WrongStateError
from cases.permissions import Actor
from cases.policies import PolicyRunner
from eventstore.tracking import PostgresTracking
from inspection import commands as i
from inspection.errors import InspectorsError
from inspection.invitation import InvitationKeys
from inspection.policies import INK, PDF, RECORD, inspection_policies
from inspection.sheet.record import digest, read_record
from inspection.signing import SealKeys, check_seal
from tests.builders import uid
from tests.database import Database
from tests.integration.inspection.world import PHONE, World, now
from tests.unit.documents.sheets import handwriting

KEYS = InvitationKeys(bytes(32))


class Phone:
    """A messenger whose messages are read here."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    async def send(self, phone: str, text: str) -> None:
        self.messages.append((phone, text))


@pytest.fixture
def phone() -> Phone:
    return Phone()


@pytest.fixture
def attachments(tmp_path: Path) -> AttachmentStore:
    return AttachmentStore(tmp_path / "attachments")


@pytest.fixture
def seal(tmp_path: Path) -> SealKeys:
    return SealKeys.load_or_create(tmp_path / "seal")


@pytest.fixture
async def runner(
    world: World, database: Database, phone: Phone, attachments: AttachmentStore, seal: SealKeys
) -> AsyncIterator[PolicyRunner]:
    tracking = await PostgresTracking.open(database.service_url)
    policies = inspection_policies(
        store=world.store,
        attachments=attachments,
        catalogue=shipped(),
        directory=world.directory,
        messenger=phone,
        invitations=KEYS,
        seal=seal,
        base_url="https://ban.example",
        clock=now,
    )
    runner = PolicyRunner(world.store, world.dispatcher, policies, tracking=tracking)
    task = asyncio.create_task(runner.run())
    yield runner
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    await tracking.close()


async def sign(world: World, actor: Actor, attachments: AttachmentStore, digest: str) -> None:
    ink, id = handwriting(), uuid4()
    case = await world.store.get(Case, world.case)
    cipher = await world.store.vault.cipher(UUID(case.applicant.removeprefix("person:")), world.case)
    await attachments.put(id, {INK: cipher.seal(ink)})
    await world.do(
        actor,
        i.SignSheet(
            inspection_id=world.inspection,
            digest=digest,
            handwriting_id=id,
            handwriting_sha256=hashlib.sha256(ink).hexdigest(),
        ),
    )


async def test_an_offered_slot_sends_the_link_to_the_contact(world: World, runner: PolicyRunner, phone: Phone) -> None:
    await runner.passed(await world.store.head())
    ((number, text),) = phone.messages
    assert number == PHONE
    token = text.partition("https://ban.example/i#")[2].partition(" ")[0]
    assert KEYS.read(token).inspection_id == world.inspection
    assert "视频勘验" in text


async def test_an_inspection_ends_in_a_sheet_that_all_sign_and_that_is_sealed_once(
    world: World, runner: PolicyRunner, attachments: AttachmentStore, seal: SealKeys
) -> None:
    await world.accept_notice()
    await world.gather()
    await world.start()
    await world.finish()
    drafted = await world.until(lambda inspection: bool(inspection.digest))
    case = await world.store.get(Case, world.case)
    cipher = await world.store.vault.cipher(UUID(case.applicant.removeprefix("person:")), world.case)
    record = cipher.open(await attachments.get(UUID(drafted.record), RECORD))
    assert digest(record) == drafted.digest
    people = [(p.name, p.certificate) for p in read_record(record).participants]
    assert people == [("海风小馆（负责人：王小海）", ""), ("王检查", "370202-001"), ("刘检查", "370202-001")]

    with pytest.raises(NotPermittedError):
        await sign(world, world.officer, attachments, drafted.digest)
    await sign(world, world.applicant, attachments, drafted.digest)
    await sign(world, world.wang, attachments, drafted.digest)
    refusal = i.RefuseSignature(inspection_id=world.inspection, digest=drafted.digest, reason="对第二项有不同意见")
    await world.do(world.liu, refusal)
    sealed = await world.until(lambda inspection: inspection.status == "sealed")
    pdf = cipher.open(await attachments.get(UUID(sealed.pdf), PDF))
    assert await asyncio.to_thread(lambda: check_seal(pdf, seal.roots).good)
    text = "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(pdf)).pages)
    assert case.number in text
    assert "对第二项有不同意见" in text

    await runner.passed(await world.store.head())
    noted = (await world.store.get(Case, world.case)).inspections[str(world.inspection)]
    assert noted == {"stage": "sealed", "mode": "remote", "outcome": "passed", "on_the_spot": False}
    assert runner.retried.total() == 0


async def test_drafting_again_gives_the_same_digest(world: World, runner: PolicyRunner) -> None:
    await world.accept_notice()
    await world.gather()
    await world.start()
    await world.finish()
    drafted = await world.until(lambda inspection: bool(inspection.digest))
    again = i.DraftSheet(inspection_id=world.inspection, record_id=uuid4(), digest=drafted.digest)
    system = Actor(id="system:test", roles=frozenset({"system"}), channel="system")  # type: ignore[arg-type]  # a role's value
    await world.do(system, again)
    assert (await world.topics()).count("sheet-drafted") == 1


async def test_inspectors_come_from_the_office_that_handles_the_case(world: World) -> None:
    wang = uid("wang")
    for other in (uid("officer"), uid("nobody")):
        with pytest.raises(InspectorsError):
            await world.do(world.wang, i.PlanInspection(case_id=world.case, mode="remote", inspectors=[wang, other]))


async def test_a_second_inspection_waits_until_the_first_is_finished(world: World, runner: PolicyRunner) -> None:
    await runner.passed(await world.store.head())
    await world.plan()  # the first never started
    await world.accept_notice()
    await world.gather()
    await world.start()
    await runner.passed(await world.store.head())
    with pytest.raises(WrongStateError):
        await world.plan()


async def test_an_inspection_that_was_planned_anew_is_not_started_any_more(world: World, runner: PolicyRunner) -> None:
    first = world.inspection
    await runner.passed(await world.store.head())
    await world.plan()
    await runner.passed(await world.store.head())
    replaced = i.OfferSlot(inspection_id=first, starts_at=now() + timedelta(hours=2))
    with pytest.raises(WrongStateError) as refused:
        await world.do(world.wang, replaced)
    assert refused.value.details["inspection_id"] == str(world.inspection)


async def test_nothing_is_inspected_after_the_applicant_has_withdrawn(world: World) -> None:
    await world.accept_notice()
    await world.gather()
    await world.do(world.applicant, c.WithdrawCase(case_id=world.case, reason="不开了"))
    with pytest.raises(WrongStateError):
        await world.start()
    assert not (await world.get()).running


async def test_a_stranger_cannot_bind_the_link(world: World) -> None:
    stranger = Actor(id=f"guest:{uuid4()}", roles=world.guest.roles, channel="phone")
    with pytest.raises(NotPermittedError):
        await world.do(stranger, i.BindInvitation(inspection_id=world.inspection))


async def test_the_answers_and_events_of_an_inspection_hold_no_personal_value(world: World) -> None:
    await world.accept_notice()
    text = "".join(str(vars(recorded.event)) for recorded in await world.store.page(0, 1000))
    for value in (PHONE, "香港中路", "海风小馆", "王检查"):
        assert value not in text
