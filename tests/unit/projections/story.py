"""The life of a case, from the office that is founded to the complaint that is solved, as plain facts.

Facts become records in memory (`records`) or in a real store (`write`); both give the same rows but for the hashes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid5

from cases import case_events, complaint, evaluation, organisation, visit
from cases.case import Case
from eventstore import Aggregate, Context, CreatedEvent, Event, EventStore, Recorded, Sealed, UnitOfWork
from inspection import events
from inspection.inspection import Inspection

_WORLD = UUID("5f0c5d1e-0f35-4c52-9d6a-2f4f1f7b8a10")
OFFICE, REGION = "laoshan", "370212"


def uid(name: str) -> UUID:
    return uuid5(_WORLD, name)


def sealed(name: str) -> Sealed:
    return {"ref": str(uid(name)), "commitment": "00" * 32}


def ref(name: str) -> str:
    return str(uid(name))


LI, WANG, ZHAO = (f"staff:{uid(name)}" for name in ("li", "wang", "zhao"))
CITY = {"zh": "青岛市", "en": "Qingdao"}
LAOSHAN = {"zh": "崂山区行政审批服务局", "en": "Laoshan"}


@dataclass(frozen=True)
class Fact:
    kind: type[Aggregate]
    stream: UUID
    event: type[Event]
    context: Context
    fields: dict[str, Any]


@dataclass
class Story:
    """Each fact happens a minute after the one before."""

    facts: list[Fact] = field(default_factory=list)
    now: datetime = datetime(2026, 9, 21, 1, 0, tzinfo=UTC)

    def tell(
        self,
        kind: type[Aggregate],
        stream: UUID,
        event: type[Event],
        *,
        actor: str = LI,
        office: str = OFFICE,
        region: str = REGION,
        **fields: Any,
    ) -> None:
        self.now += timedelta(minutes=1)
        context = Context(
            at=self.now,
            actor=actor,
            principal=actor,
            channel="phone" if actor.startswith(("person:", "guest:")) else "desk",
            office=office,
            region=region,
            cause=f"command:{uid(str(len(self.facts)))}",
        )
        self.facts.append(Fact(kind, stream, event, context, fields))


def _apply(aggregate: Aggregate | None, fact: Fact) -> Aggregate:
    if aggregate is None:
        created = cast("type[CreatedEvent]", fact.event)
        return fact.kind.begin(created, fact.context, id=fact.stream, **fact.fields)
    aggregate.trigger(fact.event, fact.context, **fact.fields)
    return aggregate


def records(facts: Iterable[Fact]) -> Iterator[Recorded]:
    aggregates: dict[UUID, Aggregate] = {}
    for position, fact in enumerate(facts, 1):
        aggregate = aggregates[fact.stream] = _apply(aggregates.get(fact.stream), fact)
        (event,) = aggregate.collect_events()
        assert isinstance(event, Event)
        yield Recorded(position, fact.stream, event.originator_version, event.TOPIC, event, b"\0" * 32)


async def write(store: EventStore, facts: Iterable[Fact]) -> int:
    """One command per fact; returns the position of the last."""
    position = 0
    for fact in facts:
        command = uid(f"{fact.stream}/{fact.event.TOPIC}/{fact.context.at.isoformat()}")

        async def decide(work: UnitOfWork, fact: Fact = fact) -> dict[str, Any]:
            if issubclass(fact.event, CreatedEvent):
                work.add(_apply(None, fact))
            else:
                _apply(await work.get(fact.kind, fact.stream), fact)
            return {}

        position = (await store.execute(command, decide)).position
    return position


def office(story: Story) -> None:
    city, district = organisation.office_id("city"), organisation.office_id(OFFICE)
    administrator = "system:setup"
    story.tell(
        organisation.Office,
        city,
        organisation.OfficeEstablished,
        actor=administrator,
        office="city",
        region="3702",
        code="city",
        name=CITY,
        level="city",
        parent="",
    )
    story.tell(
        organisation.Office,
        district,
        organisation.OfficeEstablished,
        actor=administrator,
        code=OFFICE,
        name=LAOSHAN,
        level="district",
        parent="city",
    )
    for name, roles in (("li", ["officer"]), ("wang", ["reviewer"]), ("zhao", ["complaints", "reviewer"])):
        story.tell(
            organisation.Staff,
            uid(name),
            organisation.StaffAppointed,
            actor=administrator,
            office_code=OFFICE,
            name=sealed(f"name of {name}"),
            post={"zh": "科员", "en": "Clerk"},
            roles=roles,
            certificate="",
        )
    story.tell(organisation.Staff, uid("zhao"), organisation.DutySet, on_duty=False)
    story.tell(organisation.Staff, uid("li"), organisation.DeputyNamed, deputy=str(uid("wang")))


def attachment(name: str) -> dict[str, Any]:
    return {"id": str(uid(name)), "kind": "photo", "sha256": "ab" * 32, "size": 1000, "name": sealed(f"file {name}")}


def received(story: Story, name: str) -> UUID:
    """An application for a restaurant's licence, whose companion is Li."""
    case, applicant = uid(name), f"person:{uid(f'applicant of {name}')}"
    story.tell(
        Case,
        case,
        case_events.CaseReceived,
        actor=applicant,
        number=f"QD20260921-{name.upper()}",
        item="food-business",
        item_version=1,
        applicant=applicant,
        contact=sealed(f"{name} phone"),
        form={"name": sealed(f"{name} name"), "address": sealed(f"{name} address"), "area": "80"},
        materials=[{"material": "floor-plan", "attachments": [attachment(f"{name} plan")]}],
        inspection_mode="either",
    )
    story.tell(Case, case, case_events.CompanionAssigned, actor=applicant, companion=LI, reason="duty")
    return case


def supplemented(story: Story, name: str) -> None:
    case, applicant = uid(name), f"person:{uid(f'applicant of {name}')}"
    gaps = [{"target": target, "what": sealed(f"{name} {target}")} for target in ("floor-plan", "area")]
    story.tell(Case, case, case_events.GapNoticeIssued, number=1, gaps=gaps)
    story.tell(visit.Visit, uid(f"{name} visit"), visit.VisitOpened, case=str(case), number="F0921-482", officer=LI)
    story.tell(
        Case,
        case,
        case_events.CaseSupplemented,
        actor=applicant,
        form={"area": "85"},
        materials=[{"material": "floor-plan", "attachments": [attachment(f"{name} better plan")]}],
        notice=1,
    )
    story.tell(visit.Visit, uid(f"{name} visit"), visit.VisitClosed, outcome=sealed(f"{name} visit outcome"))
    story.tell(
        Case,
        case,
        case_events.CaseAccepted,
        promised_days=6,
        statutory_days=10,
        starts="2026-09-21",
        promised_ends="2026-09-30",
        statutory_ends="2026-10-13",
        calendar="2026",
    )


def planned(story: Story, name: str) -> UUID:
    inspection = uid(f"{name} inspection")
    story.tell(
        Inspection,
        inspection,
        events.InspectionPlanned,
        actor=WANG,
        case=str(uid(name)),
        case_number=f"QD20260921-{name.upper()}",
        item="food-business",
        item_version=1,
        mode="remote",
        inspectors=[WANG, ZHAO],
        applicant=f"person:{uid(f'applicant of {name}')}",
        contact=sealed(f"{name} phone"),
        place=sealed(f"{name} address"),
    )
    note(story, name, "planned", "")
    starts_at = datetime(2026, 9, 22, 17, 30, tzinfo=UTC)  # the 23rd already in Shanghai
    ends_at = starts_at + timedelta(minutes=30)
    story.tell(
        Inspection, inspection, events.SlotOffered, actor=WANG, starts_at=starts_at, ends_at=ends_at, invitation=1
    )
    return inspection


def note(story: Story, name: str, stage: str, outcome: str) -> None:
    story.tell(
        Case,
        uid(name),
        case_events.InspectionNoted,
        actor="system:inspections",
        inspection=str(uid(f"{name} inspection")),
        stage=stage,
        mode="remote",
        outcome=outcome,
        on_the_spot=False,
    )


def inspected(story: Story, name: str) -> None:
    inspection = uid(f"{name} inspection")
    guest = f"guest:{inspection}"

    def tell(event: type[Event], actor: str, **fields: Any) -> None:
        story.tell(Inspection, inspection, event, actor=actor, **fields)

    tell(events.InvitationBound, guest, guest=guest)
    tell(events.SlotConfirmed, guest)
    tell(events.NoticeAnswered, guest, version="2026-1", digest="cd" * 32, accepted=True)
    for party, role in ((guest, "applicant"), (WANG, "inspector"), (ZHAO, "inspector")):
        tell(events.ParticipantJoined, "system:room", party=party, role=role)
    tell(events.InspectionStarted, WANG, present=sorted([guest, WANG, ZHAO]))
    tell(events.RecordingOpened, "system:media", part=1, participant=guest)
    tell(events.RecordingHead, "system:media", part=1, participant=guest, head="0a" * 32, size=4096)
    still = str(uid(f"{name} still"))
    picture = {"sha256": "01" * 32, "marked_sha256": "02" * 32, "width": 1280, "height": 720}
    tell(events.StillTaken, guest, still=still, item="kitchen", by=guest, **picture)
    judged = {"item": "kitchen", "stills": [still], "note": sealed(f"{name} note")}
    tell(events.ItemJudged, WANG, verdict="unclear", mend_by=None, **judged)
    tell(events.ItemJudged, ZHAO, verdict="pass", mend_by=None, **judged)
    tell(events.FindingsTold, WANG, passed=["kitchen"], mend=[{"item": "store", "by": ""}])
    tell(events.ParticipantLeft, "system:room", party=guest)
    seal = {"head": "0b" * 32, "size": 8192, "first": story.now, "last": story.now, "recovered": False}
    gap = [story.now.isoformat(), story.now.isoformat(), "network"]
    tell(events.RecordingSealed, "system:media", part=1, participant=guest, gaps=[gap], **seal)
    tell(events.InspectionEnded, WANG, outcome="passed")
    note(story, name, "ended", "passed")


def signed(story: Story, name: str) -> None:
    inspection = uid(f"{name} inspection")
    guest, digest = f"guest:{inspection}", "ef" * 32

    def tell(event: type[Event], actor: str, **fields: Any) -> None:
        story.tell(Inspection, inspection, event, actor=actor, **fields)

    tell(events.SheetDrafted, "system:sheet", record=ref(f"{name} record"), digest=digest)
    for party in (WANG, guest):
        hand = {"handwriting": ref(f"{name} hand of {party}"), "handwriting_sha256": "03" * 32}
        tell(events.SheetSigned, party, party=party, digest=digest, **hand)
    tell(events.SignatureRefused, ZHAO, party=ZHAO, digest=digest, reason=sealed(f"{name} refusal"))
    tell(events.SheetSealed, "system:sheet", pdf=ref(f"{name} pdf"), pdf_sha256="04" * 32)
    note(story, name, "sealed", "passed")


def rated(story: Story, name: str) -> UUID:
    """Granted all the same, rated badly; the complaint goes one level up and is solved there."""
    case = uid(name)
    applicant = f"person:{uid(f'applicant of {name}')}"
    rating = evaluation.evaluation_id(case)
    matter = complaint.complaint_id(rating)
    reasons = sealed(f"{name} reasons")
    story.tell(
        Case,
        case,
        case_events.CaseDecided,
        actor=WANG,
        granted=True,
        reasons=reasons,
        remedies=[],
        basis="食品安全法 §35",
    )
    story.tell(
        evaluation.Evaluation,
        rating,
        evaluation.CaseEvaluated,
        actor=applicant,
        case=str(case),
        level=2,
        real_named=True,
        comment=sealed(f"{name} comment"),
        applicant=applicant,
    )

    def tell(event: type[Event], region: str = REGION, office: str = OFFICE, **fields: Any) -> None:
        story.tell(complaint.Complaint, matter, event, actor=ZHAO, region=region, office=office, **fields)

    opened: dict[str, Any] = {"case": str(case), "evaluation": str(rating), "level": 2, "applicant": applicant}
    tell(complaint.ComplaintOpened, office_level="district", due="2026-09-28", **opened)
    tell(complaint.ComplaintAnswered, reply=sealed(f"{name} reply"))
    tell(complaint.CallbackRecorded, result="unsolved", attempt=1, note=sealed(f"{name} callback"))
    tell(complaint.ComplaintEscalated, "3702", "city", to_level="city", to_office="city", due="2026-10-09")
    tell(complaint.ComplaintAnswered, "3702", "city", reply=sealed(f"{name} better reply"))
    tell(complaint.CallbackRecorded, "3702", "city", result="solved", attempt=1, note=None)
    tell(complaint.ComplaintSolved, "3702", "city")
    return matter


def whole_life(name: str = "first") -> Story:
    story = Story()
    office(story)
    received(story, name)
    supplemented(story, name)
    planned(story, name)
    inspected(story, name)
    signed(story, name)
    rated(story, name)
    return story
