"""Inspections in the states that tests begin with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from cases.catalogue import Basis, Bilingual, CheckItem, Period, ServiceItem
from eventstore.aggregate import Context, Sealed
from inspection.commands import Mode, Verdict
from inspection.inspection import Inspection

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
ID = UUID("00000000-0000-4000-8000-000000000001")
CASE = UUID("00000000-0000-4000-8000-000000000002")
APPLICANT = "person:00000000-0000-4000-8000-000000000003"
WANG = "staff:00000000-0000-4000-8000-000000000004"
LIU = "staff:00000000-0000-4000-8000-000000000005"
GUEST = f"guest:{ID}"
SEALED: Sealed = {"ref": "00000000-0000-4000-8000-000000000006", "commitment": "c" * 64}
DIGEST = "d" * 64
LAW = Basis(text="行政许可法 §34", trust="L")


def check(code: str, *, mandatory: bool = True, veto: bool = False, on_the_spot: bool = False) -> CheckItem:
    return CheckItem(
        code=code,
        title=Bilingual(f"第{code}项", f"Item {code}"),
        requirement="看得见",
        basis=LAW,
        evidence=["still"],
        mandatory=mandatory,
        veto=veto,
        on_the_spot=on_the_spot,
    )


CHECKLIST = [check("a", veto=True), check("b"), check("c", mandatory=False)]


def service_item(remote: str = "allowed") -> ServiceItem:
    period = Period(days=10, basis=LAW)
    return ServiceItem(
        code="restaurant",
        version=1,
        name=Bilingual("小餐饮", "Restaurant"),
        aliases=[],
        field="food",
        department=Bilingual("审批局", "Office"),
        basis=[LAW],
        statutory=period,
        promised=period,
        remote=remote,  # type: ignore[arg-type]  # one of the three, given by the test
        remote_note=Bilingual(""),
        summary=Bilingual(""),
        form=[],
        materials=[],
        checklist=CHECKLIST,
    )


def at(minutes: float = 0, actor: str = WANG) -> Context:
    return Context(
        at=NOW + timedelta(minutes=minutes),
        actor=actor,
        principal=actor,
        channel="desk",
        office="370202-sp",
        region="370202",
        cause="command:test",
    )


def planned(mode: Mode = "remote", remote: str = "allowed") -> Inspection:
    return Inspection.plan(
        at(),
        id=ID,
        case=CASE,
        case_number="QD20261120-7K4XPM",
        item=service_item(remote),
        mode=mode,
        inspectors=[WANG, LIU],
        applicant=APPLICANT,
        contact=SEALED,
        place=SEALED,
    )


def offered(mode: Mode = "remote") -> Inspection:
    inspection = planned(mode)
    inspection.offer_slot(at(), starts_at=NOW + timedelta(hours=1), minutes=30)
    return inspection


def answer(inspection: Inspection, *, accepted: bool = True) -> None:
    inspection.answer_notice(at(actor=GUEST), version="recording-1", digest=DIGEST, accepted=accepted)


def gathered(mode: Mode = "remote") -> Inspection:
    """Everybody is there, nothing has started."""
    inspection = offered(mode)
    inspection.bind_invitation(at(actor=GUEST))
    if mode == "on-site":
        for party in (WANG, LIU):
            inspection.arrive_on_site(at(actor=party), party=party, position=None)
        return inspection
    answer(inspection)
    for party in (GUEST, WANG, LIU):
        inspection.note_presence(at(), party=party, present=True)
    return inspection


def running(mode: Mode = "remote") -> Inspection:
    inspection = gathered(mode)
    inspection.start(at(1))
    return inspection


def judge(inspection: Inspection, code: str, verdict: Verdict = "pass", checklist: list[CheckItem] = CHECKLIST) -> None:
    inspection.judge(
        at(2),
        check=next(c for c in checklist if c.code == code),
        verdict=verdict,
        note=None if verdict in ("pass", "unclear") else SEALED,
        stills=[],
        mend_by=NOW + timedelta(days=5) if verdict == "rectify-by" else None,
    )


def ended(mode: Mode = "remote", **verdicts: Verdict) -> Inspection:
    inspection = running(mode)
    for code in ("a", "b"):
        judge(inspection, code, verdicts.get(code, "pass"))
    inspection.tell_findings(at(20), checklist=CHECKLIST)
    inspection.end(at(21), checklist=CHECKLIST)
    return inspection


def drafted() -> Inspection:
    inspection = ended()
    inspection.draft_sheet(at(22), record=ID, digest=DIGEST)
    return inspection


def sign(inspection: Inspection, party: str, digest: str = DIGEST) -> None:
    inspection.sign(at(23), party=party, digest=digest, handwriting=ID, handwriting_sha256="e" * 64)


def topics(inspection: Inspection) -> list[str]:
    return [event.TOPIC for event in inspection.pending_events]  # type: ignore[attr-defined]  # ours all have it
