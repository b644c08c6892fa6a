"""Personal values for one answer: every reference that it shows is opened in one call to the vault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from uuid import UUID

import msgspec

from cases.catalogue import Bilingual
from cases.errors import MissingError
from projections.rows import Ref
from web.views import Person

if TYPE_CHECKING:
    from cases.directory import Directory, StaffEntry
    from web.services import Services


ERASED = "[已依法删除] [erased]"


class Opened:
    """What was opened. Where a value was erased, pages show that it was: `text` says so, `value` gives None."""

    def __init__(self, values: Mapping[str, str | None], directory: Directory) -> None:
        self._values = values
        self._directory = directory

    def text(self, value: str | Ref | None) -> str | None:
        return (self._values.get(value.ref) or ERASED) if isinstance(value, Ref) else value

    def value(self, value: str | Ref | None) -> str | None:
        """For what is dialled or reckoned with, where words would be wrong."""
        return self._values.get(value.ref) if isinstance(value, Ref) else value

    def person(self, holder: str) -> Person:
        """A member of staff with post and certificate; anybody else by id only."""
        entry = staff_entry(self._directory, holder)
        if entry is None:
            return Person(id=holder, name=None)
        return Person(
            id=holder,
            name=self._values.get(entry.name["ref"]),
            post=Bilingual(entry.post["zh"], entry.post["en"]),
            certificate=entry.certificate,
        )

    def who(self, holder: str) -> str:
        """A short word for who did it: staff by name, everybody else by his part in the matter."""
        kind = holder.partition(":")[0]
        if kind == "staff":
            return self.person(holder).name or "工作人员"
        return {"person": "申请人", "guest": "申请人", "system": "系统"}.get(kind, "")


async def open_all(services: Services, *shown: Any) -> Opened:
    """Opens every reference in the rows given, and the names of all staff they mention."""
    refs: set[str] = set()
    holders: set[str] = set()
    for thing in shown:
        _collect(thing, refs, holders)
    return await open_some(services, (Ref(ref) for ref in refs), holders)


async def open_some(services: Services, refs: Iterable[Any], holders: Iterable[str]) -> Opened:
    """Opens these references (plain strings and None are passed over) and the names of these members of staff."""
    wanted = {ref.ref for ref in refs if isinstance(ref, Ref)}
    entries = (staff_entry(services.directory, holder) for holder in holders)
    wanted |= {entry.name["ref"] for entry in entries if entry is not None}
    return Opened(await services.store.vault.open(sorted(wanted)), services.directory)


def staff_entry(directory: Directory, holder: str) -> StaffEntry | None:
    kind, _, id = holder.partition(":")
    if kind != "staff":
        return None
    try:
        return directory.staff(UUID(id))
    except MissingError:
        return None


def _collect(thing: Any, refs: set[str], holders: set[str]) -> None:
    match thing:
        case Ref():
            refs.add(thing.ref)
        case str():
            if thing.startswith("staff:"):
                holders.add(thing)
        case msgspec.Struct():
            for name in thing.__struct_fields__:
                _collect(getattr(thing, name), refs, holders)
        case dict():
            for value in thing.values():
                _collect(value, refs, holders)
        case list() | tuple():
            for value in thing:
                _collect(value, refs, holders)
