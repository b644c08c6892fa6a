"""Inspection (勘验): remote, on site or mixed, with the same checklist, stills, signatures and sheet in each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, Self
from uuid import UUID

from cases.catalogue import CheckItem, ServiceItem
from cases.errors import InvalidInputError, MissingError, WrongStateError
from cases.permissions import Subject
from eventstore.aggregate import Aggregate, Context, Sealed
from inspection import errors, events
from inspection.checklist import blocking, outcome_of, require_sound_verdict, to_mend
from inspection.commands import Mode, Verdict

Status = Literal["planned", "offered", "confirmed", "running", "ended", "signing", "sealed"]


class Inspection(Aggregate, topic="inspection"):
    """Parties are `staff:<uuid>` for inspectors and `guest:<inspection uuid>` for the applicant, however he came in."""

    case: str
    case_number: str
    item: str
    item_version: int
    mode: Mode
    inspectors: tuple[str, ...]
    applicant: str
    contact: Sealed
    place: Sealed | None
    office: str
    region: str
    status: Status = "planned"

    def blank(self) -> None:
        self.starts_at: datetime | None = None
        self.ends_at: datetime | None = None
        self.slot: Literal["", "offered", "confirmed"] = ""
        self.invitation = 0
        self.guest = ""
        self.notice_version = ""
        self.notice_accepted: bool | None = None
        self.in_room: set[str] = set()
        self.on_site: set[str] = set()
        self.started_at: datetime | None = None
        self.ended_at: datetime | None = None
        self.recordings: dict[tuple[str, int], Literal["running", "sealed", "recovered"]] = {}
        self.stills: dict[str, str] = {}
        self.verdicts: dict[str, Verdict] = {}
        self.mend_by: dict[str, str] = {}
        self.findings_told = False
        self.outcome = ""
        self.record = ""
        self.digest = ""
        self.signatures: dict[str, Literal["signed", "refused"]] = {}
        self.pdf = ""

    # who is who

    def subject(self, *, inviting: bool = False) -> Subject:
        """The facts for permissions. inviting: for the one command by which the guest becomes the invited one."""
        guest = self.applicant_party if inviting else self.guest
        return Subject(
            office=self.office,
            region=self.region,
            applicant=self.applicant,
            assigned=frozenset(self.inspectors),
            invited=frozenset({guest} if guest else ()),
        )

    @property
    def applicant_party(self) -> str:
        return f"guest:{self.id}"

    @property
    def parties(self) -> tuple[str, ...]:
        """Who signs: all inspectors and the applicant."""
        return (*self.inspectors, self.applicant_party)

    def party(self, actor: str) -> str:
        """The party as which an actor takes part; the applicant is one party, logged in or come by the link."""
        if actor in self.inspectors:
            return actor
        if actor in (self.applicant, self.applicant_party):
            return self.applicant_party
        raise MissingError("您不是本次勘验的参加人。", "You do not take part in this inspection.")

    @property
    def running(self) -> bool:
        return self.status == "running"

    @property
    def over(self) -> bool:
        return self.ended_at is not None

    # planning

    @classmethod
    def plan(
        cls,
        context: Context,
        *,
        id: UUID,
        case: UUID,
        case_number: str,
        item: ServiceItem,
        mode: Mode,
        inspectors: Sequence[str],
        applicant: str,
        contact: Sealed,
        place: Sealed | None,
    ) -> Self:
        if len(set(inspectors)) != len(inspectors) or len(inspectors) < 2:
            raise errors.InspectorsError
        if mode == "remote" and item.remote == "forbidden":
            raise errors.ModeNotAllowedError.for_item(item)
        return cls.begin(
            events.InspectionPlanned,
            context,
            id=id,
            case=str(case),
            case_number=case_number,
            item=item.code,
            item_version=item.version,
            mode=mode,
            inspectors=list(inspectors),
            applicant=applicant,
            contact=contact,
            place=place,
        )

    def offer_slot(self, context: Context, *, starts_at: datetime, minutes: int) -> None:
        """Offers a time or another one, also for the rest of what was begun by video; links sent earlier stay good."""
        if not self.awaits_premises:
            self._require_not_started()
        if starts_at.tzinfo is None or starts_at <= context.at:
            raise errors.SlotError
        ends_at = starts_at + timedelta(minutes=minutes)
        self.trigger(events.SlotOffered, context, starts_at=starts_at, ends_at=ends_at, invitation=self.invitation + 1)

    def bind_invitation(self, context: Context) -> None:
        if self.over:
            raise errors.InvitationEndedError
        if not self.invitation:
            raise errors.NoSlotError
        if not self.guest:
            self.trigger(events.InvitationBound, context, guest=self.applicant_party)

    def confirm_slot(self, context: Context) -> None:
        self._require_not_over()
        if not self.slot:
            raise errors.NoSlotError
        if self.slot == "offered":
            if not self.awaits_premises:
                self._require_not_started()
            self.trigger(events.SlotConfirmed, context)

    def answer_notice(self, context: Context, *, version: str, digest: str, accepted: bool) -> None:
        """Refusing the notice is refusing the remote way: nothing can be recorded, so it goes on without video."""
        self._require_not_over()
        if (version, accepted) != (self.notice_version, self.notice_accepted):
            self.trigger(events.NoticeAnswered, context, version=version, digest=digest, accepted=accepted)
        if not accepted:
            self.refuse_remote(context, reason="notice-refused")

    def refuse_remote(self, context: Context, *, reason: str) -> None:
        """To the premises instead, in the same turn; what was judged so far stays, the time is agreed on anew."""
        self._require_not_over()
        if self.mode != self._mode_without_video:
            self.trigger(events.RemoteRefused, context, reason=reason)
            self._withdraw_slot(context)

    def move_on_site(self, context: Context, *, reason: Sealed | None) -> None:
        self._require_not_over()
        if self.mode == "on-site":
            raise WrongStateError("本次勘验已是现场勘验。", "This inspection is already on site.")
        if self.mode != self._mode_without_video:
            self.trigger(events.MovedOnSite, context, reason=reason, mode=self._mode_without_video)
            self._withdraw_slot(context)

    def _withdraw_slot(self, context: Context) -> None:
        """Ten minutes' notice will do for a call, not for a visit."""
        if self.slot and not self.on_site:
            self.trigger(events.SlotWithdrawn, context)

    @property
    def awaits_premises(self) -> bool:
        """Begun by video, to be gone on with at the premises, where nobody has arrived yet."""
        return self.running and self.mode == "mixed" and not self.on_site

    @property
    def needs_slot(self) -> bool:
        """Whether a time is to be offered: the first one, or another for what was moved on site."""
        return not self.slot and (self.started_at is None or self.awaits_premises)

    @property
    def _mode_without_video(self) -> Mode:
        """As which it goes on at the premises: what was seen by video before stays part of it."""
        return "mixed" if self.running and self.mode != "on-site" else "on-site"

    @property
    def by_video(self) -> bool:
        """Whether nobody has been to the premises, so that what must be seen there cannot be judged."""
        return self.mode != "on-site" and not self.on_site

    # presence, start, recording

    def note_presence(self, context: Context, *, party: str, present: bool) -> None:
        self.party(party)
        if present and not self.over and party not in self.in_room:
            role = "inspector" if party in self.inspectors else "applicant"
            self.trigger(events.ParticipantJoined, context, party=party, role=role)
        elif not present and party in self.in_room:
            self.trigger(events.ParticipantLeft, context, party=party)

    def arrive_on_site(self, context: Context, *, party: str, position: Sealed | None) -> None:
        self._require_not_over()
        if self.mode == "remote":
            raise WrongStateError(
                "本次为远程勘验。如需到场，请先转为现场勘验。",
                "This inspection is remote. Move it on site first.",
            )
        if party not in self.on_site:
            self.trigger(events.ArrivedOnSite, context, party=party, position=position)

    @property
    def waiting_for(self) -> list[str]:
        """What the start still waits for: `notice`, `inspectors`, `applicant`."""
        places = {"remote": self.in_room, "mixed": self.in_room | self.on_site, "on-site": self.on_site}
        inspectors = places[self.mode] & set(self.inspectors)
        missing = {
            "notice": self.mode != "on-site" and not self.notice_accepted,
            "inspectors": len(inspectors) < 2,
            "applicant": self.mode == "remote" and self.applicant_party not in self.in_room,
        }
        return [what for what, is_missing in missing.items() if is_missing]

    def start(self, context: Context) -> None:
        self._require_not_started()
        if missing := self.waiting_for:
            raise errors.NotReadyError.because(missing)
        self.trigger(events.InspectionStarted, context, present=sorted(self.in_room | self.on_site))

    def open_recording(self, context: Context, *, participant: str, part: int) -> None:
        self.party(participant)
        if not self.running or not self.notice_accepted:
            raise errors.RecordingRefusedError
        if (participant, part) not in self.recordings:
            self.trigger(events.RecordingOpened, context, part=part, participant=participant)

    def note_head(self, context: Context, *, participant: str, part: int, head: str, size: int) -> None:
        if self._is_open(participant, part):
            self.trigger(events.RecordingHead, context, part=part, participant=participant, head=head, size=size)

    def seal_recording(
        self,
        context: Context,
        *,
        participant: str,
        part: int,
        head: str,
        size: int,
        first: datetime | None,
        last: datetime | None,
        gaps: Sequence[tuple[datetime, datetime, str]],
        recovered: bool,
    ) -> None:
        if self._is_open(participant, part):
            told = [[since.isoformat(), until.isoformat(), reason] for since, until, reason in gaps]
            self.trigger(
                events.RecordingSealed, context, part=part, participant=participant, head=head, size=size,
                first=first, last=last, gaps=told, recovered=recovered,
            )  # fmt: skip

    def _is_open(self, participant: str, part: int) -> bool:
        if (participant, part) not in self.recordings:
            raise MissingError("没有这一段录音录像。", "There is no such part of the recording.")
        return self.recordings[participant, part] == "running"

    # the checklist

    def take_still(
        self,
        context: Context,
        *,
        still: UUID,
        check: CheckItem,
        party: str,
        sha256: str,
        marked_sha256: str,
        width: int,
        height: int,
    ) -> None:
        self._require_running()
        if str(still) not in self.stills:
            self.trigger(
                events.StillTaken, context, still=str(still), item=check.code, sha256=sha256,
                marked_sha256=marked_sha256, width=width, height=height, by=party,
            )  # fmt: skip

    def judge(
        self,
        context: Context,
        *,
        check: CheckItem,
        verdict: Verdict,
        note: Sealed | None,
        stills: Sequence[UUID],
        mend_by: datetime | None,
    ) -> None:
        self._require_running()
        require_sound_verdict(
            check, verdict, by_video=self.by_video, has_note=note is not None, mend_by=mend_by, now=context.at
        )
        names = [str(still) for still in stills]
        if foreign := [name for name in names if self.stills.get(name) != check.code]:
            raise InvalidInputError(
                "所选照片不属于这一项，请重新选择。",
                "A chosen still does not belong to this item. Choose again.",
                item=check.code,
                stills=foreign,
            )
        date = mend_by.isoformat() if mend_by else None
        self.trigger(
            events.ItemJudged, context, item=check.code, verdict=verdict, note=note, stills=names, mend_by=date
        )

    def tell_findings(self, context: Context, *, checklist: Sequence[CheckItem]) -> None:
        self._require_running()
        if still_open := blocking(checklist, self.verdicts, self.by_video):
            raise errors.ItemsOpenError.naming(still_open)
        passed = [check.code for check in checklist if self.verdicts.get(check.code) in ("pass", "rectify-now")]
        mend = to_mend(checklist, self.verdicts, self.mend_by)
        self.trigger(events.FindingsTold, context, passed=passed, mend=mend)

    def end(self, context: Context, *, checklist: Sequence[CheckItem]) -> None:
        self._require_running()
        if not self.findings_told:
            raise errors.FindingsUntoldError
        self.trigger(events.InspectionEnded, context, outcome=outcome_of(checklist, self.verdicts, self.by_video))

    # the sheet

    def draft_sheet(self, context: Context, *, record: UUID, digest: str) -> None:
        if not self.over:
            raise errors.NotStartedError("勘验结束后才能生成勘验单。", "The sheet follows after the end.")
        if "running" in self.recordings.values():
            raise errors.RecordingOpenError
        if not self.digest:
            self.trigger(events.SheetDrafted, context, record=str(record), digest=digest)
        elif self.digest != digest:
            raise WrongStateError("勘验单已生成，不能更换。", "The sheet is fixed and cannot be replaced.")

    def sign(self, context: Context, *, party: str, digest: str, handwriting: UUID, handwriting_sha256: str) -> None:
        self._require_may_sign(party, digest)
        self.trigger(
            events.SheetSigned, context, party=party, digest=digest, handwriting=str(handwriting),
            handwriting_sha256=handwriting_sha256,
        )  # fmt: skip

    def refuse_signature(self, context: Context, *, party: str, digest: str, reason: Sealed) -> None:
        self._require_may_sign(party, digest)
        self.trigger(events.SignatureRefused, context, party=party, digest=digest, reason=reason)

    @property
    def unsigned(self) -> list[str]:
        return [party for party in self.parties if party not in self.signatures]

    def seal_sheet(self, context: Context, *, pdf: UUID, pdf_sha256: str) -> None:
        if self.status == "sealed":
            if self.pdf == str(pdf):
                return
            raise WrongStateError("勘验单已封存。", "The sheet has been sealed already.")
        if not self.digest or self.unsigned:
            raise errors.UnsignedError(parties=self.unsigned)
        self.trigger(events.SheetSealed, context, pdf=str(pdf), pdf_sha256=pdf_sha256)

    def _require_may_sign(self, party: str, digest: str) -> None:
        if not self.digest:
            raise errors.SheetError
        if digest != self.digest:
            raise errors.DigestError
        if party in self.signatures or self.status == "sealed":
            raise errors.SignedError(party=party)

    # states

    def _require_not_started(self) -> None:
        if self.started_at is not None:
            raise WrongStateError("勘验已经开始，这一步不能再办。", "Too late: the inspection has started.")

    def _require_not_over(self) -> None:
        if self.over:
            raise WrongStateError("勘验已经结束，这一步不能再办。", "Too late: the inspection has ended.")

    def _require_running(self) -> None:
        if not self.running:
            raise errors.NotStartedError
