"""The rows of the read models, as their readers get them.

Personal values stay references (`Ref`): whoever shows a row opens them through the vault. Parties are actor ids
(`staff:<uuid>`, `person:<uuid>`, `guest:<uuid>`, `system:<name>`). Times are aware; `position` is that of the last
event told in the row, `opened` that of the first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from eventstore.aggregate import Sealed

CaseStatus = Literal[
    "received",
    "gap-notice",
    "supplemented",
    "accepted",
    "inspecting",
    "inspected",
    "granted",
    "refused",
    "not-accepted",
    "withdrawn",
]
Needs = Literal["", "applicant", "office"]
InspectionStatus = Literal["planned", "offered", "confirmed", "running", "ended", "signing", "sealed"]
ComplaintStatus = Literal["open", "answered", "escalated", "solved", "decided"]


class Ref(msgspec.Struct, frozen=True):
    """A value that lies in the vault under this uuid."""

    ref: str


def ref_of(sealed: Sealed) -> Ref:
    return Ref(sealed["ref"])


def ref_or_none(sealed: Sealed | None) -> Ref | None:
    return ref_of(sealed) if sealed else None


class Row(msgspec.Struct, kw_only=True):
    """Base of the rows. Mutable: a page of events is folded into them in place."""


class AttachmentRow(Row, kw_only=True):
    """kind: `photo` or `pdf`; size in bytes; sha256 in hex."""

    id: UUID
    kind: str
    sha256: str
    size: int
    name: Ref


class MaterialRow(Row, kw_only=True):
    material: str
    attachments: list[AttachmentRow]


class StepRow(Row, kw_only=True):
    """A step of the progress page; its label says whether everybody sees it or staff only.

    about: whom or what it names (a party, an outcome); detail: the words used.
    """

    position: int
    topic: str
    at: datetime
    actor: str
    channel: str
    about: str = ""
    detail: Ref | None = None


class DeadlineRow(Row, kw_only=True):
    """Both periods in working days from day 0 (`starts`), with their last days; dates are ISO 8601."""

    promised_days: int
    statutory_days: int
    starts: str
    promised_ends: str
    statutory_ends: str
    calendar: str


class GapRow(Row, kw_only=True):
    """One gap of a notice. `done` once a supplement touched its target."""

    target: str
    what: Ref
    done: bool = False


class NoticeRow(Row, kw_only=True):
    number: int
    issued_at: datetime
    gaps: list[GapRow]
    supplemented_at: datetime | None = None


class VisitRow(Row, kw_only=True):
    id: UUID
    number: str
    opened_at: datetime
    officer: str
    closed_at: datetime | None = None
    outcome: Ref | None = None


class InspectionLink(Row, kw_only=True):
    """What the case knows of an inspection; the inspection's own row has the rest."""

    id: UUID
    mode: str
    stage: str = "planned"
    outcome: str = ""
    on_the_spot: bool = False
    awaits_applicant: bool = False
    needs_slot: bool = False


class HandoverRow(Row, kw_only=True):
    to: str
    by: str
    asked_at: datetime
    note: Ref


class DeclinedHandoverRow(Row, kw_only=True):
    by: str
    at: datetime
    reason: Ref


class RefusalRow(Row, kw_only=True):
    """Acceptance refused. right_authority is empty when the matter belongs nowhere else."""

    at: datetime
    by: str
    reason: Ref
    right_authority: str | Ref


class DecisionRow(Row, kw_only=True):
    """remedies: codes; empty when granted."""

    at: datetime
    by: str
    granted: bool
    reasons: Ref
    remedies: list[str]
    basis: str


class EvaluationRow(Row, kw_only=True):
    """level 5 … 1; comment is None when nothing was written."""

    id: UUID
    at: datetime
    level: int
    real_named: bool
    comment: Ref | None


class CaseRow(Row, kw_only=True):
    id: UUID
    opened: int
    position: int
    number: str
    item: str
    item_version: int
    status: CaseStatus
    needs: Needs
    received_at: datetime
    applicant: str
    contact: Ref
    office: str
    region: str
    inspection_mode: str
    form: dict[str, str | Ref]
    materials: list[MaterialRow]
    companion: str = ""
    handover: HandoverRow | None = None
    handover_declined: DeclinedHandoverRow | None = None
    deadline: DeadlineRow | None = None
    notices: list[NoticeRow] = []
    visits: list[VisitRow] = []
    inspections: list[InspectionLink] = []
    refusal: RefusalRow | None = None
    decision: DecisionRow | None = None
    withdrawn_for: Ref | None = None
    evaluation: EvaluationRow | None = None
    complaint: UUID | None = None
    erased_at: datetime | None = None
    steps: list[StepRow] = []

    @property
    def needs_slot(self) -> bool:
        """Whether the reviewer owes the applicant a time: for the latest inspection, which alone counts."""
        return self.status == "inspecting" and self.inspections[-1:] != [] and self.inspections[-1].needs_slot

    @property
    def place(self) -> str | Ref | None:
        """The premises, as the form gives them."""
        return self.form.get("address")

    @property
    def party(self) -> str | Ref | None:
        """The applicant's name, as the form gives it."""
        return self.form.get("name")


class StillRow(Row, kw_only=True):
    """sha256: of the original; marked_sha256: of the watermarked picture. Pixels."""

    id: UUID
    item: str
    taken_at: datetime
    by: str
    sha256: str
    marked_sha256: str
    width: int
    height: int


class CheckRow(Row, kw_only=True):
    """The latest verdict on a checklist item."""

    item: str
    verdict: str
    note: Ref | None
    mend_by: str | None
    judged_by: str
    judged_at: datetime
    stills: list[UUID]


class PresenceRow(Row, kw_only=True):
    since: datetime
    until: datetime | None = None


class ParticipantRow(Row, kw_only=True):
    """presences: each stay in the room. arrived_at: at the premises. signed: on the sheet as it stands."""

    party: str
    role: Literal["applicant", "inspector"]
    presences: list[PresenceRow] = []
    arrived_at: datetime | None = None
    position: Ref | None = None
    signed: Literal["", "signed", "refused"] = ""
    signed_at: datetime | None = None
    handwriting: UUID | None = None
    handwriting_sha256: str = ""
    refused_for: Ref | None = None

    @property
    def present(self) -> bool:
        return bool(self.presences) and self.presences[-1].until is None


class RecordingRow(Row, kw_only=True):
    """A part of the recording. head: chain head of its journal in hex; size in bytes; gaps: [from, to, reason]."""

    part: int
    participant: str
    opened_at: datetime
    status: Literal["running", "sealed", "recovered"] = "running"
    head: str = ""
    size: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: list[list[str]] = []


class SheetRow(Row, kw_only=True):
    status: Literal["none", "drafted", "sealed"] = "none"
    record: UUID | None = None
    digest: str = ""
    drafted_at: datetime | None = None
    pdf: UUID | None = None
    pdf_sha256: str = ""
    sealed_at: datetime | None = None


class MendRow(Row, kw_only=True):
    item: str
    by: str | None


class InspectionRow(Row, kw_only=True):
    """day: the slot's date in Shanghai, empty until one is offered. checks: by item, judged ones only.

    slot_withdrawn: the time held for another way of inspecting, a new one is owed. slot_open: the offered one waits
    for the applicant's answer, also when the inspection has begun.
    """

    id: UUID
    case_id: UUID
    opened: int
    position: int
    case_number: str
    item: str
    item_version: int
    mode: Literal["remote", "on-site", "mixed"]
    applicant: str
    contact: Ref
    place: Ref | None
    office: str
    region: str
    inspectors: list[str]
    status: InspectionStatus = "planned"
    outcome: Literal["", "passed", "rectify", "failed", "on-site"] = ""
    day: str = ""
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    slot_withdrawn: bool = False
    slot_open: bool = False
    invitation: int = 0
    guest: str = ""
    notice_version: str = ""
    notice_answered: Literal["", "accepted", "refused"] = ""
    notice_answered_at: datetime | None = None
    remote_refused: str = ""
    moved_for: Ref | None = None
    participants: list[ParticipantRow] = []
    checks: dict[str, CheckRow] = {}
    stills: list[StillRow] = []
    recordings: list[RecordingRow] = []
    started_at: datetime | None = None
    findings_told_at: datetime | None = None
    passed: list[str] = []
    mend: list[MendRow] = []
    ended_at: datetime | None = None
    sheet: SheetRow = msgspec.field(default_factory=SheetRow)

    @property
    def needs_slot(self) -> bool:
        return self.status == "planned" or self.slot_withdrawn


class CallbackRow(Row, kw_only=True):
    at: datetime
    by: str
    result: str
    attempt: int
    note: Ref | None


class ComplaintRow(Row, kw_only=True):
    """due: the last day for an answer at this level (ISO date). office: code of the one that has to answer."""

    id: UUID
    case_id: UUID
    evaluation: UUID
    opened: int
    position: int
    level: int
    status: ComplaintStatus
    office: str
    office_level: str
    region: str
    opened_at: datetime
    due: str
    applicant: str
    reply: Ref | None = None
    replied_by: str = ""
    callbacks: list[CallbackRow] = []
    decision: Ref | None = None
    told_by: str = ""
    closed_at: datetime | None = None


class TimelineRow(Row, kw_only=True):
    """One event. facts: its state without the context that has columns of its own; hash in hex."""

    position: int
    case_id: UUID
    stream: str
    stream_id: UUID
    version: int
    topic: str
    at: datetime
    actor: str
    principal: str
    channel: str
    office: str
    region: str
    cause: str
    hash: str
    facts: dict[str, Any]
