"""Commands on cases, visits, evaluations, complaints and the organisation: pure data, named in the imperative.

The HTTP bodies are these structs; ids of the path are filled in by the route.
Times are aware datetimes; texts are in the applicant's or officer's own words and go to the vault.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from msgspec import Meta

Text = Annotated[str, Meta(min_length=1, max_length=2000)]
Short = Annotated[str, Meta(min_length=1, max_length=200)]
Code = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]


class Command(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of all commands. Its class name is its name in the permission table."""


class SuppliedMaterial(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A material of the item, supplied by attachments that were uploaded before."""

    material: Code
    attachments: Annotated[list[UUID], Meta(min_length=1, max_length=20)]


class Gap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that is missing or wrong: a material or a form field, and what to do about it."""

    target: Code
    what: Text


class SubmitApplication(Command, frozen=True, kw_only=True):
    """The applicant files an application (提交申请). Form values are strings; the item says how they are read."""

    item: Code
    form: dict[Code, Annotated[str, Meta(max_length=2000)]]
    materials: list[SuppliedMaterial] = []
    inspection_mode: Literal["remote", "on-site", "either"] = "either"


class SupplementCase(Command, frozen=True, kw_only=True):
    """Supplies what the one-time notice asked for (补齐补正)."""

    case_id: UUID
    form: dict[Code, Annotated[str, Meta(max_length=2000)]] = {}
    materials: list[SuppliedMaterial] = []


class WithdrawCase(Command, frozen=True, kw_only=True):
    case_id: UUID
    reason: Text


class IssueGapNotice(Command, frozen=True, kw_only=True):
    """The one-time notice (一次性告知, 行政许可法 §32(1)(4)): everything that is missing, at once."""

    case_id: UUID
    gaps: Annotated[list[Gap], Meta(min_length=1, max_length=50)]


class AcceptCase(Command, frozen=True, kw_only=True):
    """Acceptance (受理): from here the statutory period runs."""

    case_id: UUID


class RefuseAcceptance(Command, frozen=True, kw_only=True):
    """Refusal of acceptance (不予受理), with reason and, when it belongs elsewhere, the right authority."""

    case_id: UUID
    reason: Text
    right_authority: Annotated[str, Meta(max_length=200)] = ""


class RequestHandover(Command, frozen=True, kw_only=True):
    """Asks a colleague to become the companion; the first officer stays until it is accepted (首问负责)."""

    case_id: UUID
    to: UUID
    note: Text


class AcceptHandover(Command, frozen=True, kw_only=True):
    case_id: UUID


class DeclineHandover(Command, frozen=True, kw_only=True):
    case_id: UUID
    reason: Text


class WithdrawHandover(Command, frozen=True, kw_only=True):
    """Takes the offer back while nobody has answered it."""

    case_id: UUID


class OpenReturnVisit(Command, frozen=True, kw_only=True):
    """Return visit (复诊号): back to the counter, no new ticket, the same officer."""

    case_id: UUID


class CloseReturnVisit(Command, frozen=True, kw_only=True):
    visit_id: UUID
    outcome: Text


class DecideCase(Command, frozen=True, kw_only=True):
    """Decision (准予 / 不予) with reasons; a refusal tells the remedies (行政许可法 §38(2))."""

    case_id: UUID
    granted: bool
    reasons: Text


class NoteInspection(Command, frozen=True, kw_only=True):
    """What an inspection concluded, noted on its case by a reaction."""

    case_id: UUID
    inspection_id: UUID
    stage: Literal["planned", "ended", "sealed"]
    mode: Literal["remote", "on-site", "mixed"]
    outcome: Literal["", "passed", "rectify", "failed", "on-site"] = ""
    on_the_spot: bool = False


class EvaluateCase(Command, frozen=True, kw_only=True):
    """好差评: 5 very satisfied … 1 very dissatisfied; the two lowest, real-named, open a complaint."""

    case_id: UUID
    level: Annotated[int, Meta(ge=1, le=5)]
    comment: Annotated[str, Meta(max_length=2000)] = ""
    real_named: bool = True


class OpenComplaint(Command, frozen=True, kw_only=True):
    case_id: UUID
    evaluation_id: UUID


class AnswerComplaint(Command, frozen=True, kw_only=True):
    complaint_id: UUID
    reply: Text


class RecordCallback(Command, frozen=True, kw_only=True):
    """回访: solved closes; unsolved escalates one level; not reached is tried again."""

    complaint_id: UUID
    result: Literal["solved", "partly", "unsolved", "not-reached"]
    note: Annotated[str, Meta(max_length=2000)] = ""


class DecideComplaint(Command, frozen=True, kw_only=True):
    """A leader ends a complaint by a recorded decision that is told to the person."""

    complaint_id: UUID
    decision: Text
    told_by: Literal["phone", "message", "in-person"]


class EstablishOffice(Command, frozen=True, kw_only=True):
    code: Code
    name: Short
    name_en: Short
    region: Annotated[str, Meta(pattern=r"^[0-9]{2,12}$")]
    level: Literal["city", "district", "subdistrict"]
    parent: Annotated[str, Meta(max_length=64)] = ""


class AppointStaff(Command, frozen=True, kw_only=True):
    """Appoints a person to a post. `roles` are those of the permission table."""

    office: Code
    staff_id: UUID
    name: Short
    post: Short
    post_en: Short
    roles: list[Literal["officer", "reviewer", "head", "supervisor", "complaints", "administrator"]]
    certificate: Annotated[str, Meta(max_length=64)] = ""


class SetDuty(Command, frozen=True, kw_only=True):
    staff_id: UUID
    on_duty: bool


class NameDeputy(Command, frozen=True, kw_only=True):
    """Names who stands in for a member of staff, until further notice."""

    staff_id: UUID
    deputy: UUID


LegalBasis = Literal[
    "purpose-achieved",  # 个人信息保护法 §47(1)(1)
    "retention-expired",  # §47(1)(2)
    "consent-withdrawn",  # §47(1)(3)
    "unlawful-processing",  # §47(1)(4)
    "other-law",  # §47(1)(5)
]
Number = Annotated[int, Meta(ge=1, le=1000)]


class RequestErasure(Command, frozen=True, kw_only=True):
    """Asks for the erasure of a person's data in these cases. whole: and of what is his own beside his cases.

    Without words of anybody: they would outlive what they are about.
    """

    person: UUID
    cases: Annotated[list[UUID], Meta(max_length=500)]
    whole: bool
    basis: LegalBasis


class ApproveErasure(Command, frozen=True, kw_only=True):
    """The second person's word. It cannot be taken back."""

    erasure_id: UUID


class DeclineErasure(Command, frozen=True, kw_only=True):
    erasure_id: UUID
    ground: Literal["identity-not-proved", "wrong-person", "still-needed", "to-be-kept", "asked-twice"]


class ErasedPart(msgspec.Struct, frozen=True, kw_only=True):
    inspection: UUID
    participant: str
    part: int


class CompleteErasure(Command, frozen=True, kw_only=True):
    """What was destroyed, told by the reaction that did it."""

    erasure_id: UUID
    cases: list[UUID]
    left: dict[str, str]
    keys: int
    entries: int
    files: list[UUID]
    recordings: list[ErasedPart]
    forgotten: bool


class PlaceHold(Command, frozen=True, kw_only=True):
    """Keeps the papers of a case from erasure. until: the last day; without one, until two people release it."""

    case_id: UUID
    basis: Literal["litigation", "reconsideration", "supervision", "criminal", "archive-decided", "archive-inspected"]
    until: date | None = None


class RequestHoldRelease(Command, frozen=True, kw_only=True):
    case_id: UUID
    hold: Number
    ground: Literal["matter-ended", "period-shorter", "placed-in-error"]


class ReleaseHold(Command, frozen=True, kw_only=True):
    """The second person's word on a release."""

    case_id: UUID
    hold: Number


class DeclineHoldRelease(Command, frozen=True, kw_only=True):
    case_id: UUID
    hold: Number
    ground: Literal["matter-not-ended", "period-runs"]
