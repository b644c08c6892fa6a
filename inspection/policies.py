"""What an inspection's events make us do: note it on its case, send the link, draft the sheet, seal what was signed.

Each policy looks only at the record, so that doing it again gives the same: ids are made from the inspection's id and
the content's digest, the sheet's bytes from its events. The names of the policies are stored and never change.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from cases.attachments import AttachmentMissingError, AttachmentStore
from cases.catalogue import Catalogue
from cases.clock import SHANGHAI
from cases.commands import Command, NoteInspection
from cases.directory import Directory
from cases.messenger import Messenger
from cases.permissions import person_id
from cases.policies import Policy
from eventstore import DataCipher, ErasedError, EventStore, Recorded
from inspection import events as e
from inspection import sheet_facts as sheet
from inspection.commands import DraftSheet, SealSheet
from inspection.inspection import Inspection
from inspection.invitation import InvitationKeys
from inspection.names import names_for_sheet
from inspection.sheet.record import canonical, digest, read_record
from inspection.sheet.render import Signature, render
from inspection.signing import SealKeys
from inspection.signing import seal as seal_pdf

log = logging.getLogger(__name__)

RECORD, PDF, INK, MARKED = "record", "pdf", "ink", "marked"
"""Variants under which contents lie in the store of attachments."""


class EvidenceChangedError(Exception):
    """A stored picture or record is not the one whose digest the record holds."""


def slot_message(*, number: str, item: str, mode: str, starts_at: datetime, ends_at: datetime, link: str) -> str:
    start, end = starts_at.astimezone(SHANGHAI), ends_at.astimezone(SHANGHAI)
    when = f"{start.month}月{start.day}日{start:%H:%M}至{end:%H:%M}"
    if mode == "remote":
        how = f"安排视频勘验，时间{when}。届时请在经营场所，用手机打开链接参加，不方便视频的可在页面改为现场勘验："
    else:
        how = f"安排现场勘验，时间{when}，工作人员将到经营场所。请用手机打开链接确认时间、查看勘验单并签名："
    return f"【陪办】您的“{item}”（办件号{number}）{how}{link} 链接仅限本手机号使用，首次打开需短信验证码，请勿转发。"


def withdrawn_message(*, number: str, item: str) -> str:
    what = "改为现场勘验，原定时间取消。工作人员会另提上门时间，届时再短信通知您。"
    return f"【陪办】您的“{item}”（办件号{number}）{what}"


def inspection_policies(
    *,
    store: EventStore,
    attachments: AttachmentStore,
    catalogue: Catalogue,
    directory: Directory,
    messenger: Messenger,
    invitations: InvitationKeys,
    seal: SealKeys,
    base_url: str,
    clock: Callable[[], datetime],
) -> tuple[Policy, ...]:
    """base_url: scheme and host of the phone pages. To be run by a `PolicyRunner` with a dispatcher."""
    invite = _Inviting(store, catalogue, messenger, invitations, base_url)
    papers = _Papers(store, attachments, catalogue, directory, invitations, seal, base_url, clock)
    return (
        Policy("inspection-noted-on-case", _Noting(store).react),
        Policy("slot-sends-link", invite.react),
        Policy("ended-inspection-drafts-sheet", papers.draft),
        Policy("signed-sheet-is-sealed", papers.seal),
    )


@dataclass(frozen=True)
class _Noting:
    store: EventStore

    async def react(self, recorded: Recorded) -> Sequence[Command]:
        match recorded.event:
            case e.InspectionPlanned() | e.InspectionEnded() | e.SheetSealed():
                inspection = await self.store.get(Inspection, recorded.originator_id)
                return [note_of(inspection, recorded.event)]
        return []


def note_of(inspection: Inspection, event: e.InspectionPlanned | e.InspectionEnded | e.SheetSealed) -> NoteInspection:
    """on_the_spot: an inspector was at the premises."""
    case_id = UUID(inspection.case)
    if isinstance(event, e.InspectionPlanned):
        return NoteInspection(case_id=case_id, inspection_id=inspection.id, stage="planned", mode=event.mode)
    return NoteInspection(
        case_id=case_id,
        inspection_id=inspection.id,
        stage="sealed" if isinstance(event, e.SheetSealed) else "ended",
        mode=inspection.mode,
        outcome=inspection.outcome,  # type: ignore[arg-type]  # `outcome_of` gives nothing else
        on_the_spot=bool(inspection.on_site),
    )


@dataclass(frozen=True)
class _Inviting:
    store: EventStore
    catalogue: Catalogue
    messenger: Messenger
    invitations: InvitationKeys
    base_url: str

    async def react(self, recorded: Recorded) -> Sequence[Command]:
        """Sends at least once; an offer that was replaced or withdrawn since is not sent any more."""
        if not isinstance(recorded.event, e.SlotOffered | e.SlotWithdrawn):
            return []
        inspection = await self.store.get(Inspection, recorded.originator_id)
        text = self._text(inspection, recorded.event)
        phone = (await self.store.vault.open([inspection.contact["ref"]]))[inspection.contact["ref"]]
        if text and phone is not None and not inspection.over:
            await self.messenger.send(phone, text)
        return []

    def _text(self, inspection: Inspection, event: e.SlotOffered | e.SlotWithdrawn) -> str:
        item = self.catalogue.version(inspection.item, inspection.item_version).name.zh
        if isinstance(event, e.SlotWithdrawn):
            # Whoever asked for it himself has read it on the page; and a new offer says the same and more.
            told = inspection.slot or not event.actor.startswith("staff:")
            return "" if told else withdrawn_message(number=inspection.case_number, item=item)
        if inspection.invitation != event.invitation or not inspection.slot:
            return ""
        return slot_message(
            number=inspection.case_number,
            item=item,
            mode=inspection.mode,
            starts_at=event.starts_at,
            ends_at=event.ends_at,
            link=self.invitations.link(self.base_url, inspection.id, event.invitation),
        )


@dataclass(frozen=True)
class _Papers:
    """The sheet: its record when the inspection is over, its PDF when everybody has signed."""

    store: EventStore
    attachments: AttachmentStore
    catalogue: Catalogue
    directory: Directory
    invitations: InvitationKeys
    seal_keys: SealKeys
    base_url: str
    clock: Callable[[], datetime]

    async def draft(self, recorded: Recorded) -> Sequence[Command]:
        """After the end, or when the last part of the recording is sealed, whichever comes later."""
        if not isinstance(recorded.event, e.InspectionEnded | e.RecordingSealed):
            return []
        facts = await self._facts(recorded.originator_id)
        if facts.drafted is not None:
            return []
        try:
            record = await self._record(facts)
            cipher = await self._cipher(facts)
        except (sheet.UnfinishedError, ErasedError):
            return []
        record_id = _place_of(recorded.originator_id, RECORD, digest(record))
        await self.attachments.put(record_id, {RECORD: cipher.seal(record)})
        return [DraftSheet(inspection_id=recorded.originator_id, record_id=record_id, digest=digest(record))]

    async def seal(self, recorded: Recorded) -> Sequence[Command]:
        """After the last signature: rendered once, with the signatures in it and the record attached."""
        if not isinstance(recorded.event, e.SheetSigned | e.SignatureRefused):
            return []
        inspection = await self.store.get(Inspection, recorded.originator_id)
        if inspection.unsigned or inspection.status != "signing":
            return []
        facts = await self._facts(recorded.originator_id)
        try:
            pdf = await self._pdf(facts, inspection)
            cipher = await self._cipher(facts)
        except ErasedError:
            return []
        except (EvidenceChangedError, AttachmentMissingError):
            # Somebody must look; other sheets go on meanwhile.
            log.exception("sheet.evidence_changed", extra={"inspection": str(inspection.id)})
            return []
        sha256 = hashlib.sha256(pdf).hexdigest()
        pdf_id = _place_of(inspection.id, PDF, sha256)
        await self.attachments.put(pdf_id, {PDF: cipher.seal(pdf)})
        return [SealSheet(inspection_id=inspection.id, pdf_id=pdf_id, pdf_sha256=sha256)]

    async def _facts(self, inspection_id: UUID) -> sheet.Facts:
        return sheet.gather(recorded.event for recorded in await self.store.events(inspection_id))

    async def _cipher(self, facts: sheet.Facts) -> DataCipher:
        """Everything of a case lies under the applicant's key of that case."""
        return await self.store.vault.cipher(person_id(facts.planned.applicant), UUID(facts.planned.case))

    async def _record(self, facts: sheet.Facts) -> bytes:
        planned = facts.planned
        inspection = await self.store.get(Inspection, planned.originator_id)
        record = sheet.build(
            facts,
            item=self.catalogue.version(planned.item, planned.item_version),
            office_name=self.directory.office(planned.office).name["zh"],
            names=await names_for_sheet(self.store, inspection),
            certificates={
                party: self.directory.staff(UUID(party.removeprefix("staff:"))).certificate
                for party in planned.inspectors
            },
            opened=await self.store.vault.open(sheet.references(facts)),
            salt=self.invitations.salt(planned.originator_id),
        )
        return await asyncio.to_thread(canonical, record)

    async def _pdf(self, facts: sheet.Facts, inspection: Inspection) -> bytes:
        record_bytes = await self._read(facts, inspection.record, RECORD, inspection.digest)
        record = read_record(record_bytes)
        names = {participant.party: participant.name for participant in record.participants}
        stills = {
            still.still: await self._read(facts, still.still, MARKED, still.marked_sha256)
            for still in facts.stills.values()
        }
        signatures = await self._signatures(facts, inspection, names)
        url = f"{self.base_url.rstrip('/')}/cases/{inspection.case_number}"
        pdf = await asyncio.to_thread(render, record_bytes, stills, signatures, url)
        reason = f"勘验单 {inspection.case_number}"
        return await asyncio.to_thread(lambda: seal_pdf(pdf, self.seal_keys, reason=reason, at=self.clock()))

    async def _signatures(
        self, facts: sheet.Facts, inspection: Inspection, names: Mapping[str, str]
    ) -> list[Signature]:
        refusals = [s.reason["ref"] for s in facts.signed.values() if isinstance(s, e.SignatureRefused)]
        reasons = await self.store.vault.open(refusals)
        signatures = []
        for party in inspection.parties:
            signed = facts.signed[party]
            role = "inspector" if party in inspection.inspectors else "applicant"
            if isinstance(signed, e.SheetSigned):
                ink = await self._read(facts, signed.handwriting, INK, signed.handwriting_sha256)
                signatures.append(Signature(party, names[party], role, signed.timestamp, image=ink))
            else:
                reason = reasons.get(signed.reason["ref"]) or sheet.ERASED
                signatures.append(Signature(party, names[party], role, None, refused=reason))
        return signatures

    async def _read(self, facts: sheet.Facts, id: str, variant: str, sha256: str) -> bytes:
        cipher = await self._cipher(facts)
        content = cipher.open(await self.attachments.get(UUID(id), variant))
        if hashlib.sha256(content).hexdigest() != sha256:
            raise EvidenceChangedError(f"{variant} {id}")
        return content


def _place_of(inspection_id: UUID, variant: str, sha256: str) -> UUID:
    """Other bytes lie in another place: a second try never writes over what the first one may have recorded."""
    return uuid5(inspection_id, f"{variant}/{sha256}")
