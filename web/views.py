"""What the pages are given: the shapes of the answers under `/api/v1`. Times are ISO 8601 with offset, ids uuids.

Personal values are already opened from the vault; one that was erased arrives as null.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from cases.catalogue import Bilingual, ServiceItem
from web.views_checks import CheckView
from web.views_words import Fact, FollowUp, Licence, View

CaseStatus = Literal[
    "received",  # 已收件
    "gap-notice",  # 待补正
    "supplemented",  # 已补正
    "accepted",  # 已受理
    "inspecting",  # 勘验中
    "inspected",  # 勘验完成
    "granted",  # 准予许可
    "refused",  # 不予许可
    "not-accepted",  # 不予受理
    "withdrawn",  # 已撤回
]


class Problem(View, frozen=True, kw_only=True):
    """RFC 9457. `code` is stable; `title` is Chinese, `title_en` English; each says what to do next."""

    type: str
    status: int
    code: str
    title: str
    title_en: str
    details: dict[str, Any] = {}


class Done(View, frozen=True, kw_only=True):
    """A command was carried out: `position` in the record, and what it made (ids, numbers)."""

    position: int
    answer: dict[str, Any]


class Session(View, frozen=True, kw_only=True):
    """Who is logged in. roles are those of the permission table; `csrf` goes into header `X-CSRF-Token`."""

    kind: Literal["none", "applicant", "staff", "guest"]
    id: str = ""
    name: str = ""
    roles: list[str] = []
    office: str = ""
    office_name: Bilingual = Bilingual("")
    csrf: str = ""
    inspection_id: UUID | None = None
    masked_phone: str = ""
    demo: bool = False


class ItemSummary(View, frozen=True, kw_only=True):
    code: str
    version: int
    name: Bilingual
    summary: Bilingual
    department: Bilingual
    field: str
    remote: str
    promised_days: int
    promised_confirmed: bool
    statutory_days: int


class ItemView(View, frozen=True, kw_only=True):
    item: ServiceItem


class Attachment(View, frozen=True, kw_only=True):
    id: UUID
    kind: Literal["photo", "pdf"]
    name: str | None
    size: int
    sha256: str
    url: str
    thumbnail_url: str = ""


class Person(View, frozen=True, kw_only=True):
    id: str
    name: str | None
    post: Bilingual | None = None
    certificate: str = ""
    phone: str | None = None


class Step(View, frozen=True, kw_only=True):
    """One line of a progress page or timeline, in words; `at` and `by` say when and who."""

    position: int
    topic: str
    at: datetime
    label: Bilingual
    by: str
    channel: str
    detail: str | None = None


class Deadline(View, frozen=True, kw_only=True):
    """The period in working days and its last day (it ends at 24:00, Asia/Shanghai)."""

    kind: Literal["promised", "statutory", "gap-notice"]
    starts: str
    days: int
    ends: str
    days_left: int
    provisional: bool
    basis: str


class GapView(View, frozen=True, kw_only=True):
    target: str
    label: Bilingual
    what: str | None
    done: bool


class GapNotice(View, frozen=True, kw_only=True):
    number: int
    issued_at: datetime
    gaps: list[GapView]
    supplemented_at: datetime | None = None


class MaterialView(View, frozen=True, kw_only=True):
    code: str
    name: Bilingual
    kind: str
    attachments: list[Attachment]


class FormValue(View, frozen=True, kw_only=True):
    code: str
    label: Bilingual
    value: str | None
    unit: str = ""
    choice: Bilingual | None = None  # the option that was chosen, of a field that has options


class ReturnVisit(View, frozen=True, kw_only=True):
    """复诊号: shown at the counter; the officer is the companion."""

    id: UUID
    number: str
    opened_at: datetime
    closed_at: datetime | None
    officer: Person


class InspectionBrief(View, frozen=True, kw_only=True):
    id: UUID
    case_id: UUID
    case_number: str
    item_name: Bilingual
    applicant: str | None
    place: str | None
    mode: Literal["remote", "on-site", "mixed"]
    status: Literal["planned", "offered", "confirmed", "running", "ended", "signing", "sealed"]
    outcome: Literal["", "passed", "rectify", "failed", "on-site"]
    starts_at: datetime | None
    ends_at: datetime | None
    mend_by: datetime | None  # until when what was found may be mended; the last of several dates
    inspectors: list[Person]
    needs_slot: bool  # the office owes a time: none was offered yet, or the last one was withdrawn
    slot_withdrawn: bool  # it was withdrawn because the inspection was moved on site
    slot_note: Bilingual | None  # what that means for the applicant


class CaseSummary(View, frozen=True, kw_only=True):
    id: UUID
    number: str
    item_code: str
    item_name: Bilingual
    status: CaseStatus
    received_at: datetime
    applicant: str | None
    place: str | None
    companion: Person
    office_name: Bilingual
    deadline: Deadline | None
    needs: Literal["", "applicant", "office"]
    needs_slot: bool  # an inspection is planned and waits for a time from the reviewers
    inspection_outcome: str  # of the latest inspection that ended: passed, rectify, failed, on-site; empty before
    handover: Literal["", "asked-of-me", "asked-of-colleague"]  # an offer waits for an answer; staff only


class CaseView(View, frozen=True, kw_only=True):
    """Everything one case page shows. `may` lists the commands that this reader may give now.

    blocked: commands that the reader's role could give but the case does not allow now → why, and what to do first.
    cautions: commands that are allowed → what to know before. handover_declined: {by, at, reason}, for staff, until
    the next offer.
    """

    summary: CaseSummary
    form: list[FormValue]
    materials: list[MaterialView]
    notices: list[GapNotice]
    steps: list[Step]
    visits: list[ReturnVisit]
    inspections: list[InspectionBrief]
    handover: dict[str, Any] | None
    handover_declined: dict[str, Any] | None
    follow_up: FollowUp | None
    licence: Licence | None
    decision: dict[str, Any] | None
    evaluation: dict[str, Any] | None
    complaint_id: UUID | None
    inspection_mode: Literal["remote", "on-site", "either"]  # what the applicant wished
    warnings: list[Bilingual]  # what does not fit together in the application; it hinders nothing
    may: list[str]
    blocked: dict[str, Bilingual]
    cautions: dict[str, Bilingual]


class TimelineEntry(View, frozen=True, kw_only=True):
    """One event as the supervisor sees it: who, when, through which channel, for whom, caused by what.

    about: beside the label it makes the sentence, “检查项已作结论：冷藏设备 — 符合”. details: its facts in words;
    facts: as recorded, for who verifies.
    """

    position: int
    stream: str
    stream_id: UUID
    version: int
    topic: str
    label: Bilingual
    about: Bilingual | None
    details: list[Fact]
    at: datetime
    actor: str
    actor_name: str | None
    principal: str
    channel: str
    channel_label: Bilingual
    office: str
    office_name: Bilingual
    cause: str
    hash: str
    facts: dict[str, Any]


class Participant(View, frozen=True, kw_only=True):
    party: str
    role: Literal["applicant", "inspector"]
    name: str | None
    certificate: str
    present: bool
    signed: Literal["", "signed", "refused"]


class RecordingView(View, frozen=True, kw_only=True):
    part: int
    participant: str
    status: Literal["running", "sealed", "recovered"]
    head: str
    size: int
    first: datetime | None
    last: datetime | None
    gaps: list[list[str]]
    url: str


class Notice(View, frozen=True, kw_only=True):
    """The notice of recording, of the version to be answered. megabytes: data that half an hour costs."""

    version: str
    text: Bilingual
    megabytes: int
    answered: Literal["", "accepted", "refused"]


class SheetView(View, frozen=True, kw_only=True):
    """record_url gives the exact bytes whose SHA-256 is `digest`: render those, sign that."""

    status: Literal["none", "drafted", "sealed"]
    digest: str
    record_url: str
    pdf_url: str
    pdf_sha256: str
    sealed_at: datetime | None


class InspectionView(View, frozen=True, kw_only=True):
    brief: InspectionBrief
    checklist: list[CheckView]
    participants: list[Participant]
    recordings: list[RecordingView]
    notice: Notice
    sheet: SheetView
    findings_told: bool
    started_at: datetime | None
    ended_at: datetime | None
    me: str
    may: list[str]


class ComplaintView(View, frozen=True, kw_only=True):
    id: UUID
    case_id: UUID
    case_number: str
    item_name: Bilingual
    level: int
    comment: str | None
    status: Literal["open", "answered", "escalated", "solved", "decided"]
    office_level: str
    office_name: Bilingual  # who has to answer it now; after an escalation, the office above
    opened_at: datetime
    due: str
    reply: str | None
    callbacks: list[dict[str, Any]]
    contact: Person
    decision: str | None
    may: list[str]


class Message(View, frozen=True, kw_only=True):
    """A text message of the demonstration's outbox."""

    id: int
    at: datetime
    to: str
    text: str


class CaseList(View, frozen=True, kw_only=True):
    cases: list[CaseSummary]
    total: int


class InspectionList(View, frozen=True, kw_only=True):
    inspections: list[InspectionBrief]


class ComplaintList(View, frozen=True, kw_only=True):
    complaints: list[ComplaintView]


class Waiting(View, frozen=True, kw_only=True):
    """How many things wait for a next step of this very member of staff, at most a hundred or so of each."""

    cases: int
    inspections: int
    complaints: int


class Timeline(View, frozen=True, kw_only=True):
    case: CaseSummary
    entries: list[TimelineEntry]


class Outbox(View, frozen=True, kw_only=True):
    messages: list[Message]


class Colleagues(View, frozen=True, kw_only=True):
    people: list[Person]


class ItemList(View, frozen=True, kw_only=True):
    items: list[ItemSummary]


class CodeSent(View, frozen=True, kw_only=True):
    """A one-time code is on its way; ask again after `again_in` seconds."""

    masked_phone: str
    again_in: int


class Invitation(View, frozen=True, kw_only=True):
    """What a link shows before the phone is proved."""

    inspection_id: UUID
    item_name: Bilingual
    starts_at: datetime | None
    masked_phone: str
    state: Literal["fresh", "bound", "ended"]
