"""Service items (事项) as versioned data: what is asked for, by when, on which basis, how it is inspected.

A published version is frozen; a case stays on the version it was filed under. Files in `items/` ship the first ones.
Every figure keeps its basis and how far it may be trusted (`trust`): `L` statute text read, `P` public page,
`K80` general knowledge with its certainty in per cent, `D` our own choice. Below `K80` it is shown as
"to be confirmed by the office" and refuses nobody.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from cases.errors import MissingError

Evidence = Literal["still", "passage", "measurement", "document", "statement"]
_SURE = 80


class Bilingual(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    zh: str
    en: str = ""


class Basis(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A legal basis: the text that is cited and how far our reading of it may be trusted."""

    text: str
    trust: str


class Period(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A deadline in working days (行政许可法 §82). `starts`: the event from which it runs."""

    days: int
    basis: Basis
    starts: Literal["receipt", "acceptance"] = "acceptance"
    confirmed: bool = True


class Field(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form field. `personal` values go to the vault; `options` for kind `choice`; `unit` for numbers."""

    code: str
    label: Bilingual
    kind: Literal["text", "number", "choice", "phone", "address", "date", "paragraph"]
    required: bool = True
    personal: bool = False
    unit: str = ""
    hint: Bilingual = Bilingual("")
    options: list[Bilingual] = []
    maximum: float | None = None
    minimum: float | None = None


class Material(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A material (材料): core, deferrable (可容缺), or shared, which is obtained by the office and never asked for."""

    code: str
    name: Bilingual
    kind: Literal["core", "deferrable", "shared"]
    accepts: list[Literal["photo", "pdf"]] = msgspec.field(default_factory=lambda: ["photo", "pdf"])
    hint: Bilingual = Bilingual("")
    basis: Basis


class CheckItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the inspection checklist. A failed `veto` item fails the whole inspection."""

    code: str
    title: Bilingual
    requirement: str
    basis: Basis
    evidence: list[Evidence]
    mandatory: bool = True
    veto: bool = False
    on_the_spot: bool = False  # cannot be judged by video
    advice: str = ""  # what usually goes wrong, and the remedy
    confirmed: bool = True


class ServiceItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    code: str
    version: int
    name: Bilingual
    aliases: list[str]
    field: Literal["food", "hygiene", "sports", "culture", "labour", "building", "transport"]
    department: Bilingual
    basis: list[Basis]
    statutory: Period
    promised: Period
    remote: Literal["allowed", "conditional", "forbidden"]
    remote_note: Bilingual
    summary: Bilingual
    form: list[Field]
    materials: list[Material]
    checklist: list[CheckItem]

    def material(self, code: str) -> Material:
        for material in self.materials:
            if material.code == code:
                return material
        raise MissingError("本事项没有这种材料。", "This item has no such material.", material=code)

    def check(self, code: str) -> CheckItem:
        for check in self.checklist:
            if check.code == code:
                return check
        raise MissingError("检查表中没有这一项。", "The checklist has no such item.", item=code)


def is_sure(trust: str) -> bool:
    """Whether a trust mark (`L`, `P`, `P-old`, `K75`, `L/K80`) is sure enough to be stated without reserve."""
    return all(_is_sure_mark(mark.strip()) for mark in trust.split("/"))


def _is_sure_mark(mark: str) -> bool:
    """What is not known is not sure."""
    if guess := re.fullmatch(r"K ?([0-9]{1,3})%?", mark):
        return int(guess[1]) >= _SURE
    return mark == "D" or (mark.startswith(("L", "P")) and mark != "P-old")


class Catalogue:
    """The published versions of all items. Lookups are by code, and by code and version for running cases."""

    def __init__(self, items: Iterable[ServiceItem]) -> None:
        self._versions: dict[tuple[str, int], ServiceItem] = {(item.code, item.version): item for item in items}
        self._current: dict[str, ServiceItem] = {}
        for item in self._versions.values():
            if item.code not in self._current or self._current[item.code].version < item.version:
                self._current[item.code] = item

    def current(self, code: str) -> ServiceItem:
        try:
            return self._current[code]
        except KeyError:
            raise MissingError(
                "没有这个事项，请从事项列表中选择。", "There is no such item. Choose one from the list.", item=code
            ) from None

    def version(self, code: str, version: int) -> ServiceItem:
        try:
            return self._versions[code, version]
        except KeyError:
            raise MissingError(item=code, version=version) from None

    def all(self) -> list[ServiceItem]:
        return sorted(self._current.values(), key=lambda item: item.code)

    def find(self, words: str) -> list[ServiceItem]:
        """Items whose name or everyday aliases share the most character pairs with the words, best first.

        Without words, all items. Character pairs need no dictionary and forgive a wrong or missing character.
        """
        wanted = _pairs(words)
        if not wanted:
            return self.all()
        scored = [(len(wanted & _searchable(item)) / len(wanted), item) for item in self.all()]
        return [item for score, item in sorted(scored, key=lambda pair: -pair[0]) if score >= 1 / 3]


def _pairs(text: str) -> frozenset[str]:
    text = "".join(text.lower().split())
    return frozenset(text[i : i + 2] for i in range(len(text) - 1)) or frozenset(text)


def _searchable(item: ServiceItem) -> frozenset[str]:
    names = [item.name.zh, item.name.en, *item.aliases, item.department.zh]
    return frozenset().union(*(_pairs(name) for name in names), *("".join(names).lower()))


@cache
def shipped() -> Catalogue:
    """The catalogue of the files in `cases/items/`."""
    folder = resources.files("cases") / "items"
    files = sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
    return Catalogue(read_item(tomllib.loads(f.read_text(encoding="utf-8"))) for f in files)


def read_item(data: Mapping[str, object]) -> ServiceItem:
    """Reads one item; `confirmed` of periods and check items follows from their trust marks."""
    item = msgspec.convert(data, ServiceItem)
    return msgspec.structs.replace(
        item,
        statutory=msgspec.structs.replace(item.statutory, confirmed=is_sure(item.statutory.basis.trust)),
        promised=msgspec.structs.replace(item.promised, confirmed=is_sure(item.promised.basis.trust)),
        checklist=[msgspec.structs.replace(c, confirmed=is_sure(c.basis.trust)) for c in item.checklist],
    )
