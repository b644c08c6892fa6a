"""Small makers of valid things, so that a test only says what it is about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4, uuid5

from cases.calendar import mainland
from cases.case import Case
from cases.catalogue import ServiceItem, shipped
from cases.commands import NoteInspection, SubmitApplication, SuppliedMaterial
from cases.errors import MissingError
from cases.intake import ClaimedFile
from cases.organisation import staff_ref
from cases.permissions import Actor, Role
from eventstore.aggregate import Context, Sealed

WORLD = UUID("0c8a2a86-6f1f-4d6e-9a53-6b1f0f6f2c11")
MONDAY = datetime(2026, 9, 21, 1, 30, tzinfo=UTC)  # 09:30 in Qingdao
RESTAURANT = "food-small-restaurant"
POOL = "sports-swimming"


def uid(name: str) -> UUID:
    """The same id for the same name, so that a failing test reads the same twice."""
    return uuid5(WORLD, name)


COMPANION = staff_ref(uid("officer"))
COLLEAGUE = staff_ref(uid("colleague"))
APPLICANT = f"person:{uid('applicant')}"


def sealed(name: str = "text") -> Sealed:
    return {"ref": str(uid(name)), "commitment": uid(name).hex * 2}


def context(actor: str = COMPANION, *, at: datetime = MONDAY, channel: str = "desk") -> Context:
    return Context(
        at=at,
        actor=actor,
        principal=actor,
        channel=channel,
        office="qd-shinan",
        region="370202",
        cause=f"command:{uid('command')}",
    )


def days_later(days: int) -> datetime:
    """Calendar days after MONDAY."""
    return MONDAY + timedelta(days=days)


def form_values(item: ServiceItem, **given: str) -> dict[str, str]:
    """A filled form: what is required, with plausible values. `given` uses _ for - in codes."""
    samples = {
        "phone": "13800138000",
        "address": "青岛市市南区香港中路 10 号",
        "date": "2026-12-01",
        "text": "海风小馆",
        "paragraph": "海风小馆",
    }
    values = {}
    for field in item.form:
        if field.required:
            number = f"{max(field.minimum or 0, 20):g}"
            values[field.code] = samples.get(field.kind) or (number if field.kind == "number" else field.options[0].zh)
    return values | {code.replace("_", "-"): value for code, value in given.items()}


def application(item: str = RESTAURANT, *, materials: Mapping[str, Sequence[UUID]] | None = None) -> SubmitApplication:
    return SubmitApplication(
        item=item,
        form=form_values(shipped().current(item)),
        materials=[SuppliedMaterial(material=m, attachments=list(ids)) for m, ids in (materials or {}).items()],
    )


def received_case(item: str = RESTAURANT, *, with_core: bool = True, mode: str = "either") -> Case:
    """A case received on MONDAY, with its core materials unless said otherwise."""
    service_item = shipped().current(item)
    core = [material.code for material in service_item.materials if material.kind == "core"] if with_core else []
    return Case.receive(
        context(APPLICANT, channel="phone"),
        id=uid("case"),
        item=service_item,
        contact=sealed("phone"),
        form={"phone": sealed("phone"), "district": "市南区", "address": sealed("address")},
        materials=[
            {
                "material": code,
                "attachments": [
                    {"id": str(uid(code)), "kind": "photo", "sha256": "0" * 64, "size": 1, "name": sealed(code)}
                ],
            }
            for code in core
        ],
        inspection_mode=mode,
        companion=COMPANION,
    )


def accepted_case(item: str = RESTAURANT) -> Case:
    case = received_case(item)
    case.accept(context(), item=shipped().current(item), calendar=mainland())
    return case


def inspected_case(item: str = RESTAURANT, *, mode: str = "remote", outcome: str = "passed") -> Case:
    """A case with a sealed inspection; on site unless `mode` is remote."""
    case = accepted_case(item)
    for stage in ("planned", "ended", "sealed"):
        note = inspection_note(case, stage=stage, mode=mode, outcome="" if stage == "planned" else outcome)
        case.note_inspection(context("system:test"), note)
    return case


def inspection_note(case: Case, *, stage: str, mode: str = "remote", outcome: str = "") -> NoteInspection:
    return NoteInspection(
        case_id=case.id,
        inspection_id=uid("inspection"),
        stage=stage,  # type: ignore[arg-type]  # callers pass the literals
        mode=mode,  # type: ignore[arg-type]
        outcome=outcome,  # type: ignore[arg-type]
        on_the_spot=mode != "remote",
    )


def decided_case(*, granted: bool = True) -> Case:
    case = inspected_case()
    case.decide(context(), granted=granted, reasons=sealed("reasons"), item=shipped().current(RESTAURANT))
    return case


def topics(aggregate: Case) -> list[str]:
    """The names of the events that wait to be stored."""
    return [type(event).TOPIC for event in aggregate.pending_events]  # type: ignore[attr-defined]  # all of them are our events


def actor(id: str, *roles: Role, office: str = "qd-shinan", region: str = "370202", channel: str = "desk") -> Actor:
    return Actor(id=id, roles=frozenset(roles), channel=channel, office=office, region=region)


class FilesOf:
    """Uploads that were made by one person; a real part of `StagedFiles`, kept in memory."""

    def __init__(self, owner: str) -> None:
        self._owner = owner
        self._files: dict[UUID, ClaimedFile] = {}

    def upload(self, kind: str = "photo", name: str = "平面图.jpg") -> UUID:
        file = ClaimedFile(id=uuid4(), kind=kind, sha256="ab" * 32, size=1234, name=name)
        self._files[file.id] = file
        return file.id

    async def claim(self, ids: Sequence[UUID], owner: str, subject: UUID) -> list[ClaimedFile]:
        if owner != self._owner or not all(id in self._files for id in ids):
            raise MissingError
        return [self._files[id] for id in ids]
