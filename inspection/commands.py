"""Commands on inspections (勘验): pure data, named in the imperative."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from cases.commands import Code, Command, Text

Mode = Literal["remote", "on-site", "mixed"]
Verdict = Literal["pass", "fail", "rectify-now", "rectify-by", "not-applicable", "unclear"]


class PlanInspection(Command, frozen=True, kw_only=True):
    """Plans an inspection of a case, with two inspectors at least (行政许可法 §34(3))."""

    case_id: UUID
    mode: Mode
    inspectors: Annotated[list[UUID], Meta(min_length=2, max_length=6)]


class OfferSlot(Command, frozen=True, kw_only=True):
    inspection_id: UUID
    starts_at: datetime
    minutes: Annotated[int, Meta(ge=10, le=180)] = 30


class BindInvitation(Command, frozen=True, kw_only=True):
    """First use of the link: binds it to the invited phone. Given by the edge after the one-time code was right."""

    inspection_id: UUID


class ConfirmSlot(Command, frozen=True, kw_only=True):
    inspection_id: UUID


class AnswerNotice(Command, frozen=True, kw_only=True):
    """Answer to the notice of recording; `version` names the text that was shown."""

    inspection_id: UUID
    version: Code
    accepted: bool


class RefuseRemote(Command, frozen=True, kw_only=True):
    """Refusing the remote way, or a camera that cannot be had: on site instead, rank kept."""

    inspection_id: UUID
    reason: Literal["prefers-on-site", "no-camera", "no-network", "notice-refused"]


class MoveOnSite(Command, frozen=True, kw_only=True):
    inspection_id: UUID
    reason: Text


class NotePresence(Command, frozen=True, kw_only=True):
    """A participant's media or socket came or went; noted by the room."""

    inspection_id: UUID
    party: str
    present: bool


class NoteRecording(Command, frozen=True, kw_only=True):
    """The recorder's facts: opened, head (every quarter of a minute), sealed, recovered after a crash.

    head: hex SHA-256 chain head of the journal; size in bytes; gaps as (from, to, reason) with ISO times.
    """

    inspection_id: UUID
    stage: Literal["opened", "head", "sealed", "recovered"]
    part: int
    participant: str
    head: str = ""
    size: int = 0
    first: datetime | None = None
    last: datetime | None = None
    gaps: list[tuple[datetime, datetime, str]] = []


class ArriveOnSite(Command, frozen=True, kw_only=True):
    """An inspector has arrived at the premises; coordinates when the phone gave them (metres of accuracy)."""

    inspection_id: UUID
    latitude: float | None = None
    longitude: float | None = None
    accuracy: float | None = None


class StartInspection(Command, frozen=True, kw_only=True):
    inspection_id: UUID


class TakeStill(Command, frozen=True, kw_only=True):
    """A still for a checklist item. The picture itself was put into the store by the edge under `still_id`."""

    inspection_id: UUID
    still_id: UUID
    item: Code
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    marked_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    width: int
    height: int


class JudgeItem(Command, frozen=True, kw_only=True):
    inspection_id: UUID
    item: Code
    verdict: Verdict
    note: Annotated[str, Meta(max_length=2000)] = ""
    stills: list[UUID] = []
    mend_by: datetime | None = None


class TellFindings(Command, frozen=True, kw_only=True):
    """Tells the applicant, before hanging up, what passed and what to mend."""

    inspection_id: UUID


class EndInspection(Command, frozen=True, kw_only=True):
    inspection_id: UUID


class DraftSheet(Command, frozen=True, kw_only=True):
    """Fixes the canonical record of the sheet; its bytes lie encrypted in the store under `record_id`."""

    inspection_id: UUID
    record_id: UUID
    digest: str


class SignSheet(Command, frozen=True, kw_only=True):
    """Signs the digest of the record that was shown; the handwriting lies in the store under `handwriting_id`."""

    inspection_id: UUID
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    handwriting_id: UUID
    handwriting_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]


class RefuseSignature(Command, frozen=True, kw_only=True):
    inspection_id: UUID
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    reason: Text


class SealSheet(Command, frozen=True, kw_only=True):
    inspection_id: UUID
    pdf_id: UUID
    pdf_sha256: str
