"""How an event changes the row of its inspection. Without I/O: row and event in, row changed."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from cases.clock import office_day
from eventstore import Recorded
from inspection import events
from projections.rows import (
    CheckRow,
    InspectionRow,
    MendRow,
    ParticipantRow,
    PresenceRow,
    RecordingRow,
    SheetRow,
    StillRow,
    ref_of,
    ref_or_none,
)


def plan(recorded: Recorded, event: events.InspectionPlanned) -> InspectionRow:
    return InspectionRow(
        id=recorded.originator_id,
        case_id=UUID(event.case),
        opened=recorded.position,
        position=recorded.position,
        case_number=event.case_number,
        item=event.item,
        item_version=event.item_version,
        mode=event.mode,
        applicant=event.applicant,
        contact=ref_of(event.contact),
        place=ref_or_none(event.place),
        office=event.office,
        region=event.region,
        inspectors=list(event.inspectors),
    )


def tell(row: InspectionRow, recorded: Recorded) -> None:
    row.position = recorded.position
    match recorded.event:
        case (
            events.SlotOffered()
            | events.InvitationBound()
            | events.SlotConfirmed()
            | events.NoticeAnswered()
            | events.RemoteRefused()
            | events.MovedOnSite()
            | events.SlotWithdrawn() as event
        ):
            _tell_preparation(row, event)
        case (
            events.ParticipantJoined()
            | events.ParticipantLeft()
            | events.ArrivedOnSite()
            | events.RecordingOpened()
            | events.RecordingHead()
            | events.RecordingSealed() as event
        ):
            _tell_presence(row, event)
        case (
            events.InspectionStarted()
            | events.StillTaken()
            | events.ItemJudged()
            | events.FindingsTold()
            | events.InspectionEnded() as event
        ):
            _tell_findings(row, event)
        case events.SheetDrafted() | events.SheetSigned() | events.SignatureRefused() | events.SheetSealed() as event:
            _tell_sheet(row, event)


def _tell_preparation(
    row: InspectionRow,
    event: events.SlotOffered
    | events.InvitationBound
    | events.SlotConfirmed
    | events.NoticeAnswered
    | events.RemoteRefused
    | events.MovedOnSite
    | events.SlotWithdrawn,
) -> None:
    begun = row.started_at is not None
    match event:
        case events.SlotOffered():
            row.starts_at, row.ends_at = event.starts_at, event.ends_at
            row.day = office_day(event.starts_at).isoformat()
            row.invitation = event.invitation
            row.status, row.slot_withdrawn, row.slot_open = row.status if begun else "offered", False, True
        case events.SlotWithdrawn():
            row.slot_withdrawn, row.slot_open = True, False
            if not begun:
                row.starts_at, row.ends_at, row.day, row.status = None, None, "", "planned"
        case events.InvitationBound():
            row.guest = event.guest
        case events.SlotConfirmed():
            row.status, row.slot_open = row.status if begun else "confirmed", False
        case events.NoticeAnswered():
            row.notice_version = event.version
            row.notice_answered = "accepted" if event.accepted else "refused"
            row.notice_answered_at = event.timestamp
        case events.RemoteRefused():
            row.remote_refused = event.reason
            row.mode = "on-site" if row.started_at is None else "mixed"
        case events.MovedOnSite():
            row.mode, row.moved_for = event.mode, ref_or_none(event.reason)


def _tell_presence(
    row: InspectionRow,
    event: events.ParticipantJoined
    | events.ParticipantLeft
    | events.ArrivedOnSite
    | events.RecordingOpened
    | events.RecordingHead
    | events.RecordingSealed,
) -> None:
    match event:
        case events.ParticipantJoined():
            _participant(row, event.party).presences.append(PresenceRow(since=event.timestamp))
        case events.ParticipantLeft():
            participant = _participant(row, event.party)
            if participant.present:
                participant.presences[-1].until = event.timestamp
        case events.ArrivedOnSite():
            participant = _participant(row, event.party)
            participant.arrived_at, participant.position = event.timestamp, ref_or_none(event.position)
            row.slot_open = False
            if row.started_at is not None:
                row.slot_withdrawn = False
        case events.RecordingOpened():
            row.recordings.append(
                RecordingRow(part=event.part, participant=event.participant, opened_at=event.timestamp)
            )
        case events.RecordingHead():
            recording = _recording(row, event)
            recording.head, recording.size = event.head, event.size
        case events.RecordingSealed():
            recording = _recording(row, event)
            recording.status = "recovered" if event.recovered else "sealed"
            recording.head, recording.size = event.head, event.size
            recording.first, recording.last = event.first, event.last
            recording.gaps = [list(gap) for gap in event.gaps]


def _tell_findings(
    row: InspectionRow,
    event: events.InspectionStarted
    | events.StillTaken
    | events.ItemJudged
    | events.FindingsTold
    | events.InspectionEnded,
) -> None:
    match event:
        case events.InspectionStarted():
            row.started_at, row.status = event.timestamp, "running"
            row.slot_withdrawn = row.slot_open = False
        case events.StillTaken():
            row.stills.append(
                StillRow(
                    id=UUID(event.still),
                    item=event.item,
                    taken_at=event.timestamp,
                    by=event.by,
                    sha256=event.sha256,
                    marked_sha256=event.marked_sha256,
                    width=event.width,
                    height=event.height,
                )
            )
        case events.ItemJudged():
            row.checks[event.item] = CheckRow(
                item=event.item,
                verdict=event.verdict,
                note=ref_or_none(event.note),
                mend_by=event.mend_by,
                judged_by=event.actor,
                judged_at=event.timestamp,
                stills=[UUID(still) for still in event.stills],
            )
            row.findings_told_at = None  # what was told no longer holds
        case events.FindingsTold():
            row.findings_told_at = event.timestamp
            row.passed = list(event.passed)
            row.mend = [MendRow(item=mend["item"], by=mend["by"] or None) for mend in event.mend]
        case events.InspectionEnded():
            row.ended_at, row.status = event.timestamp, "ended"
            row.slot_withdrawn = row.slot_open = False
            row.outcome = _outcome(event.outcome)


def _tell_sheet(
    row: InspectionRow,
    event: events.SheetDrafted | events.SheetSigned | events.SignatureRefused | events.SheetSealed,
) -> None:
    match event:
        case events.SheetDrafted():
            row.sheet = SheetRow(
                status="drafted", record=UUID(event.record), digest=event.digest, drafted_at=event.timestamp
            )
            row.status = "signing"
        case events.SheetSigned():
            participant = _participant(row, event.party)
            participant.signed, participant.signed_at = "signed", event.timestamp
            participant.handwriting = UUID(event.handwriting)
            participant.handwriting_sha256 = event.handwriting_sha256
        case events.SignatureRefused():
            participant = _participant(row, event.party)
            participant.signed, participant.signed_at = "refused", event.timestamp
            participant.refused_for = ref_of(event.reason)
        case events.SheetSealed():
            row.sheet.status, row.status = "sealed", "sealed"
            row.sheet.pdf, row.sheet.pdf_sha256 = UUID(event.pdf), event.pdf_sha256
            row.sheet.sealed_at = event.timestamp


def _participant(row: InspectionRow, party: str) -> ParticipantRow:
    for participant in row.participants:
        if participant.party == party:
            return participant
    role: Literal["inspector", "applicant"] = "inspector" if party.startswith("staff:") else "applicant"
    row.participants.append(ParticipantRow(party=party, role=role))
    return row.participants[-1]


def _recording(row: InspectionRow, event: events.RecordingHead | events.RecordingSealed) -> RecordingRow:
    return next(r for r in row.recordings if (r.participant, r.part) == (event.participant, event.part))


def _outcome(code: str) -> Literal["", "passed", "rectify", "failed", "on-site"]:
    match code:
        case "passed" | "rectify" | "failed" | "on-site":
            return code
    raise ValueError(f"an outcome that no page knows: {code}")
