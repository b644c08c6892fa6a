"""The directory: offices, staff, duty and how busy companions are, read by handlers and pages.

An in-memory follower of the record; it holds no personal values (names are vault references) and decides nothing.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from uuid import UUID

from cases.case import (
    AcceptanceRefused,
    CaseDecided,
    CaseWithdrawn,
    CompanionAssigned,
    HandoverAccepted,
)
from cases.companion import NoCompanionError, Officer, choose_companion
from cases.errors import MissingError
from cases.organisation import (
    DeputyNamed,
    DutySet,
    Names,
    OfficeEstablished,
    StaffAppointed,
    staff_ref,
)
from cases.permissions import Actor, Role
from eventstore import EventStore, Place, RecordChangedError, Recorded
from eventstore.aggregate import Event, Sealed

log = logging.getLogger(__name__)

_PAGE = 1000


@dataclass(frozen=True, kw_only=True)
class OfficeEntry:
    code: str
    name: Names
    region: str
    level: str
    parent: str


@dataclass(frozen=True, kw_only=True)
class StaffEntry:
    id: UUID
    office: str
    region: str
    name: Sealed
    post: Names
    roles: frozenset[Role]
    certificate: str
    on_duty: bool = True
    deputy: UUID | None = None


class Directory:
    """`place`: up to where of the record it has read."""

    def __init__(self) -> None:
        self.place = Place()
        self._offices: dict[str, OfficeEntry] = {}
        self._staff: dict[UUID, StaffEntry] = {}
        self._companions: dict[UUID, str] = {}  # companion by open case
        self._open_cases: Counter[str] = Counter()  # by companion

    def apply(self, recorded: Recorded) -> None:
        """Each event counts once, also when it is read by `load` and by `keep`."""
        if recorded.position > self.position:
            self.note(recorded.event)
            self.place = recorded.place

    @property
    def position(self) -> int:
        return self.place.position

    def note(self, event: Event) -> None:
        match event:
            case OfficeEstablished():
                self._offices[event.code] = OfficeEntry(
                    code=event.code, name=event.name, region=event.region, level=event.level, parent=event.parent
                )
            case StaffAppointed():
                self._staff[event.originator_id] = StaffEntry(
                    id=event.originator_id,
                    office=event.office_code,
                    region=event.region,
                    name=event.name,
                    post=event.post,
                    roles=frozenset(map(Role, event.roles)),
                    certificate=event.certificate,
                )
            case DutySet():
                self._amend(event.originator_id, on_duty=event.on_duty)
            case DeputyNamed():
                self._amend(event.originator_id, deputy=UUID(event.deputy))
            case CompanionAssigned() | HandoverAccepted():
                self._release(event.originator_id)
                self._companions[event.originator_id] = event.companion
                self._open_cases[event.companion] += 1
            case CaseDecided() | AcceptanceRefused() | CaseWithdrawn():
                self._release(event.originator_id)

    def _release(self, case_id: UUID) -> None:
        companion = self._companions.pop(case_id, None)
        if companion is not None:
            self._open_cases[companion] -= 1

    def _amend(self, staff_id: UUID, **changes: object) -> None:
        if staff_id in self._staff:
            self._staff[staff_id] = replace(self._staff[staff_id], **changes)  # type: ignore[arg-type]  # names are fixed above

    async def load(self, store: EventStore) -> None:
        """Reads the record up to its present end."""
        while page := await store.page(self.position, _PAGE):
            for recorded in page:
                self.apply(recorded)

    async def keep(self, store: EventStore) -> None:
        """Follows the record until cancelled. When that is another than it had read, it is read from the beginning."""
        while True:
            try:
                async with store.follow(after=self.place) as pages:
                    async for page in pages:
                        for recorded in page:
                            self.apply(recorded)
            except RecordChangedError:
                log.exception("the directory is read anew")
                fresh = Directory()
                await fresh.load(store)
                vars(self).update(vars(fresh))

    # offices

    def office(self, code: str) -> OfficeEntry:
        try:
            return self._offices[code]
        except KeyError:
            raise MissingError(
                "没有这个机构，请核对机构代码。", "There is no such office. Check its code.", office=code
            ) from None

    def offices(self) -> list[OfficeEntry]:
        return sorted(self._offices.values(), key=lambda office: (office.region, office.code))

    def office_above(self, code: str) -> OfficeEntry | None:
        parent = self.office(code).parent
        return self.office(parent) if parent else None

    def office_in_charge(self, region: str) -> OfficeEntry:
        """The office of this region, or the nearest one whose region contains it."""
        holding = [office for office in self._offices.values() if region.startswith(office.region)]
        if not holding:
            raise MissingError(
                "所选区划还没有受理机构，请核对经营场所所在区市。",
                "No office serves this district yet. Check the district of the premises.",
                region=region,
            )
        return max(holding, key=lambda office: (len(office.region), office.code))

    # staff

    def staff(self, staff_id: UUID) -> StaffEntry:
        try:
            return self._staff[staff_id]
        except KeyError:
            raise MissingError(
                "没有这位工作人员，请从名单中选择。", "There is no such member of staff. Choose one from the list."
            ) from None

    def colleagues(self, role: Role, office: str, *, on_duty: bool = False) -> list[StaffEntry]:
        """Who holds this role in this office, those on duty only if asked for, in a steady order."""
        return sorted(
            (
                entry
                for entry in self._staff.values()
                if entry.office == office and role in entry.roles and (entry.on_duty or not on_duty)
            ),
            key=lambda entry: entry.id,
        )

    def actor(self, staff_id: UUID, channel: str) -> Actor:
        """Who a logged-in member of staff is for the permission table."""
        entry = self.staff(staff_id)
        return Actor(
            id=staff_ref(staff_id), roles=entry.roles, channel=channel, office=entry.office, region=entry.region
        )

    def open_cases(self, staff_id: UUID) -> int:
        return self._open_cases[staff_ref(staff_id)]

    def companion_for(self, office: str, case_id: UUID) -> UUID:
        """Whom the rule names in this office; an office without officers is helped out by the one above."""
        found: OfficeEntry | None = self.office(office)
        while found is not None:
            entries = self.colleagues(Role.OFFICER, found.code)
            if entries:
                return choose_companion([self._officer(entry) for entry in entries], self._on_duty(found.code), case_id)
            found = self.office_above(found.code)
        raise NoCompanionError

    def _officer(self, entry: StaffEntry) -> Officer:
        return Officer(id=entry.id, on_duty=entry.on_duty, open_cases=self.open_cases(entry.id), deputy=entry.deputy)

    def _on_duty(self, office: str) -> dict[UUID, int]:
        return {e.id: self.open_cases(e.id) for e in self._staff.values() if e.office == office and e.on_duty}
