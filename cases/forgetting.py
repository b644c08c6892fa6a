"""What an approved erasure makes us do: destroy, in an order that may be interrupted anywhere, and then say so.

Where personal values lie, and what becomes of each (every migrations folder and the data folder were gone through):

    peiban_events            references, pseudonyms, codes: stays; early values of numbers and days see forgetting.md
    peiban_commands          answers without personal values: stays
    vault.entries, data_keys values and their keys: destroyed by the database itself (migrations/0001_erasure.sql)
    vault.subjects           way from telephone to pseudonym: goes with the last key
    projections.*            references only: stay
    web.sessions             sealed telephone: rows of the person, and of the guests of these cases, go
    web.files                sealed file names: emptied; unfiled uploads go as a whole
    web.outbox               telephone and text of the demonstration's messages: the person's rows go
    web.credentials          logins of staff, of nobody else: stays
    web.codes, web.throttles keyed digests that nobody can search; gone within minutes and hours
    files/                   everything sealed under a destroyed key goes, whatever names it
    recordings/, derived/    folders of the inspections of these cases go
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from cases.attachments import AttachmentStore
from cases.case import Case
from cases.case_events import CaseReceived, CaseSupplemented
from cases.commands import Command, CompleteErasure, ErasedPart
from cases.erasure import Erasure, ErasureApproved
from cases.policies import Policy
from eventstore import ErasedScope, ErasureRefusedError, EventStore, Recorded

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Traces:
    """What a person is found by outside the vault while its keys still stand. words: numbers of his cases.

    whole: everything of the person goes, not only what belongs to these cases.
    """

    person: UUID
    whole: bool
    cases: Sequence[UUID]
    inspections: Sequence[UUID]
    phones: frozenset[str] = field(repr=False)
    words: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class Evidence:
    """What an inspection left behind, by id."""

    files: Sequence[UUID]
    recordings: Sequence[ErasedPart]


class Edge(Protocol):
    """What the HTTP edge remembers of people. Each may be asked for again."""

    async def forget_traces(self, traces: Traces) -> None: ...

    async def forget_files(self, filed: Sequence[UUID], others: Sequence[UUID]) -> None:
        """filed: files that cases name; others: uploads that no case does."""
        ...


class Inspections(Protocol):
    async def left_by(self, inspection_id: UUID) -> Evidence: ...

    async def destroy(self, inspection_id: UUID) -> None:
        """Removes the inspection's recordings and what was made of them; nothing there is no error."""
        ...


def forgetting_policy(store: EventStore, attachments: AttachmentStore, inspections: Inspections, edge: Edge) -> Policy:
    return Policy("approved-erasure-is-carried-out", _Forgetting(store, attachments, inspections, edge).react)


@dataclass(frozen=True)
class _Forgetting:
    store: EventStore
    attachments: AttachmentStore
    inspections: Inspections
    edge: Edge

    async def react(self, recorded: Recorded) -> Sequence[Command]:
        """First what needs the keys to be found, then the keys, by the database's own judgement, then the files.

        Killed in between, it begins again and destroys what is left: the database answers as it did the first time.
        """
        if not isinstance(recorded.event, ErasureApproved):
            return []
        erasure = await self.store.get(Erasure, recorded.originator_id)
        if erasure.finished:
            return []
        cases = {id: await self.store.get(Case, id) for id in erasure.cases}
        await self.edge.forget_traces(await self._traces(erasure, cases.values()))
        try:
            scopes = await self.store.vault.erase(erasure.id)
        except ErasureRefusedError:
            log.exception("erasure.refused", extra={"erasure": str(erasure.id)})  # somebody must look
            return []
        erased = {scope.scope: cases[scope.scope] for scope in scopes if scope.kind == "case"}
        return [await self._destroy(erasure, erased, scopes)]

    async def _traces(self, erasure: Erasure, cases: Iterable[Case]) -> Traces:
        phones: set[str] = set()
        words: set[str] = set()
        inspections: list[UUID] = []
        for case in cases:
            phones |= await self._phones(case.id)
            words.add(case.number)
            inspections += map(UUID, case.inspections)
        return Traces(
            person=erasure.person,
            whole=erasure.whole,
            cases=erasure.cases,
            inspections=inspections,
            phones=frozenset(phones),
            words=frozenset(words),
        )

    async def _phones(self, case_id: UUID) -> set[str]:
        """Every telephone that the case ever had."""
        refs = []
        for recorded in await self.store.events(case_id):
            match recorded.event:
                case CaseReceived() as event:
                    refs.append(event.contact["ref"])
                case CaseSupplemented() as event if isinstance(phone := event.form.get("phone"), dict):
                    refs.append(phone["ref"])
        return {phone for phone in (await self.store.vault.open(refs)).values() if phone}

    async def _destroy(
        self, erasure: Erasure, erased: dict[UUID, Case], scopes: Sequence[ErasedScope]
    ) -> CompleteErasure:
        filed = {UUID(f["id"]) for case in erased.values() for files in case.materials.values() for f in files}
        others = {scope.scope for scope in scopes if scope.kind == "file"} - filed
        files, recordings = sorted(filed | others), list[ErasedPart]()
        for inspection in [UUID(id) for case in erased.values() for id in case.inspections]:
            left = await self.inspections.left_by(inspection)
            files += left.files
            recordings += left.recordings
            await self.inspections.destroy(inspection)
        await self.attachments.delete_under({scope.key_id for scope in scopes if scope.key_id})
        await self.edge.forget_files(sorted(filed), sorted(others))
        keys = [scope for scope in scopes if scope.key_id]
        return CompleteErasure(
            erasure_id=erasure.id,
            cases=sorted(erased),
            left={str(id): "held" for id in erasure.cases if id not in erased},
            keys=len(keys),
            entries=sum(scope.entries for scope in keys),
            files=files,
            recordings=recordings,
            forgotten=any(scope.kind == "index" for scope in scopes),
        )
