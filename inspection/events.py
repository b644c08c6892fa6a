"""What happens in an inspection (勘验), in the order of its life. Personal values stand in the vault, never here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypedDict

from eventstore.aggregate import CreatedEvent, Event, Sealed
from inspection.commands import Mode, Verdict

if TYPE_CHECKING:
    from inspection.inspection import Inspection


class Mend(TypedDict):
    """by: ISO date and time by which it is to be mended, or empty when none was set."""

    item: str
    by: str


class InspectionPlanned(CreatedEvent):
    """An inspection of a case was planned, with its inspectors (行政许可法 §34(3)) and its mode."""

    TOPIC = "inspection-planned"

    case: str
    case_number: str
    item: str
    item_version: int
    mode: Mode
    inspectors: list[str]
    applicant: str
    contact: Sealed
    place: Sealed | None

    def apply(self, aggregate: Inspection) -> None:
        aggregate.case = self.case
        aggregate.case_number = self.case_number
        aggregate.item, aggregate.item_version = self.item, self.item_version
        aggregate.mode = self.mode
        aggregate.inspectors = tuple(self.inspectors)
        aggregate.applicant = self.applicant
        aggregate.contact, aggregate.place = self.contact, self.place
        aggregate.office, aggregate.region = self.office, self.region
        aggregate.status = "planned"


class SlotOffered(Event):
    """A time was offered to the applicant; `invitation` is the number of the link that goes with it."""

    TOPIC = "slot-offered"

    starts_at: datetime
    ends_at: datetime
    invitation: int

    def apply(self, aggregate: Inspection) -> None:
        aggregate.starts_at, aggregate.ends_at = self.starts_at, self.ends_at
        aggregate.invitation = self.invitation
        aggregate.slot = "offered"
        if aggregate.started_at is None:
            aggregate.status = "offered"


class InvitationBound(Event):
    """The link was used for the first time, and from now on belongs to the invited phone."""

    TOPIC = "invitation-bound"

    guest: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.guest = self.guest


class SlotConfirmed(Event):
    """The applicant agreed to the time."""

    TOPIC = "slot-confirmed"

    def apply(self, aggregate: Inspection) -> None:
        aggregate.slot = "confirmed"
        if aggregate.started_at is None:
            aggregate.status = "confirmed"


class SlotWithdrawn(Event):
    """The time agreed on or offered was for another way of inspecting: it no longer holds, a new one is to be offered.

    What has begun stays begun: then only the rest, at the premises, waits for its time.
    """

    TOPIC = "slot-withdrawn"

    def apply(self, aggregate: Inspection) -> None:
        aggregate.slot = ""
        if aggregate.started_at is None:
            aggregate.starts_at = aggregate.ends_at = None
            aggregate.status = "planned"


class NoticeAnswered(Event):
    """The applicant answered the notice of recording; `digest` is that of the text that was shown."""

    TOPIC = "notice-answered"

    version: str
    digest: str
    accepted: bool

    def apply(self, aggregate: Inspection) -> None:
        aggregate.notice_version, aggregate.notice_accepted = self.version, self.accepted


class RemoteRefused(Event):
    """The applicant does not want, or cannot have, the remote way: the rest happens on site, in the same turn."""

    TOPIC = "remote-refused"

    reason: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.mode = "on-site" if aggregate.started_at is None else "mixed"


class MovedOnSite(Event):
    """The office moved the inspection, or the rest of it, to the premises."""

    TOPIC = "moved-on-site"

    reason: Sealed | None
    mode: Mode

    def apply(self, aggregate: Inspection) -> None:
        aggregate.mode = self.mode


class ParticipantJoined(Event):
    """A participant is in the room, by socket or media."""

    TOPIC = "participant-joined"

    party: str
    role: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.in_room.add(self.party)


class ParticipantLeft(Event):
    TOPIC = "participant-left"

    party: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.in_room.discard(self.party)


class ArrivedOnSite(Event):
    """An inspector stands at the premises; the position, when the phone gave one, is in the vault."""

    TOPIC = "arrived-on-site"

    party: str
    position: Sealed | None

    def apply(self, aggregate: Inspection) -> None:
        aggregate.on_site.add(self.party)


class InspectionStarted(Event):
    TOPIC = "inspection-started"

    present: list[str]

    def apply(self, aggregate: Inspection) -> None:
        aggregate.started_at = self.timestamp
        aggregate.status = "running"


class RecordingOpened(Event):
    """A part of the recording began: one connection of one participant."""

    TOPIC = "recording-opened"

    part: int
    participant: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.recordings[self.participant, self.part] = "running"


class RecordingHead(Event):
    """How far the journal of a part has come: its chain head (hex SHA-256) over `size` bytes."""

    TOPIC = "recording-head"

    part: int
    participant: str
    head: str
    size: int

    def apply(self, aggregate: Inspection) -> None:
        """A head changes nothing but what can be proved later."""


class RecordingSealed(Event):
    """A part of the recording is finished. gaps: (from, to, reason), times ISO; recovered: sealed after a crash."""

    TOPIC = "recording-sealed"

    part: int
    participant: str
    head: str
    size: int
    first: datetime | None
    last: datetime | None
    gaps: list[list[str]]
    recovered: bool

    def apply(self, aggregate: Inspection) -> None:
        aggregate.recordings[self.participant, self.part] = "recovered" if self.recovered else "sealed"


class StillTaken(Event):
    """A still was taken for an item. sha256: of the original; marked_sha256: of the copy with the watermark."""

    TOPIC = "still-taken"

    still: str
    item: str
    sha256: str
    marked_sha256: str
    width: int
    height: int
    by: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.stills[self.still] = self.item


class ItemJudged(Event):
    """An item of the checklist was judged; a later judgement replaces an earlier one."""

    TOPIC = "item-judged"

    item: str
    verdict: Verdict
    note: Sealed | None
    stills: list[str]
    mend_by: str | None

    def apply(self, aggregate: Inspection) -> None:
        aggregate.verdicts[self.item] = self.verdict
        aggregate.mend_by[self.item] = self.mend_by or ""
        aggregate.findings_told = False


class FindingsTold(Event):
    """The applicant was told, before the end, what passed and what to mend."""

    TOPIC = "findings-told"

    passed: list[str]
    mend: list[Mend]

    def apply(self, aggregate: Inspection) -> None:
        aggregate.findings_told = True


class InspectionEnded(Event):
    TOPIC = "inspection-ended"

    outcome: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.ended_at = self.timestamp
        aggregate.outcome = self.outcome
        aggregate.status = "ended"


class SheetDrafted(Event):
    """The canonical record of the sheet is fixed; `digest` is its SHA-256, which the parties sign."""

    TOPIC = "sheet-drafted"

    record: str
    digest: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.record, aggregate.digest = self.record, self.digest
        aggregate.status = "signing"


class SheetSigned(Event):
    TOPIC = "sheet-signed"

    party: str
    digest: str
    handwriting: str
    handwriting_sha256: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.signatures[self.party] = "signed"


class SignatureRefused(Event):
    """A party does not sign; the reason stands on the sheet (最高法行政诉讼证据规定 §15)."""

    TOPIC = "signature-refused"

    party: str
    digest: str
    reason: Sealed

    def apply(self, aggregate: Inspection) -> None:
        aggregate.signatures[self.party] = "refused"


class SheetSealed(Event):
    """The PDF was rendered once, with the signatures in it and the record attached, and sealed."""

    TOPIC = "sheet-sealed"

    pdf: str
    pdf_sha256: str

    def apply(self, aggregate: Inspection) -> None:
        aggregate.pdf = self.pdf
        aggregate.status = "sealed"
