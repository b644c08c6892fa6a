"""Holds service items against the rules that make them fit to publish, and freezes what was published."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cases.catalogue import ServiceItem
from cases.intake import DISTRICT_FIELD, STANDING_FIELDS
from cases.organisation import DIVISIONS

# Conditions that name nothing (北京、上海优化营商环境条例): whoever reads them does not know what to bring.
CATCH_ALLS = ("其他", "其它", "有关", "相关材料", "等材料")
# What people put into their own words may name anybody; and no event holds what cannot be erased.
_OWN_WORDS = ("text", "paragraph", "phone", "address")
_PERSONAL = STANDING_FIELDS.keys() - {DISTRICT_FIELD}


def lint(item: ServiceItem) -> list[str]:
    """What stands in the way of publishing this item; empty when nothing does."""
    return [*_unclear(item), *_periods(item), *_codes(item), *_form(item), *_remote(item)]


def digest(data: Mapping[str, object]) -> str:
    """SHA-256 (hex) of an item's data as read from its file: not moved by layout, comments or later types."""
    canonical = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _unclear(item: ServiceItem) -> Iterator[str]:
    texts = {
        **{f"field {f.code}": [f.label.zh, f.hint.zh, *(option.zh for option in f.options)] for f in item.form},
        **{f"material {m.code}": [m.name.zh, m.hint.zh] for m in item.materials},
        **{f"check {c.code}": [c.title.zh, c.requirement] for c in item.checklist},
    }
    for place, lines in texts.items():
        for phrase in CATCH_ALLS:
            if any(phrase in line for line in lines):
                yield f"{place}: “{phrase}” asks for anything; name what is meant"
    for place, name in [("item", item.name), *((f"check {c.code}", c.title) for c in item.checklist)]:
        if not name.zh or not name.en:
            yield f"{place}: name it in Chinese and in English"


def _periods(item: ServiceItem) -> Iterator[str]:
    if not 0 < item.promised.days <= item.statutory.days:
        yield f"promises {item.promised.days} days where the law allows {item.statutory.days}"
    if item.promised.starts != item.statutory.starts:
        yield "the promise and the law's period must start with the same event"


def _codes(item: ServiceItem) -> Iterator[str]:
    yield from _twice("check", (check.code for check in item.checklist))
    # A gap notice names fields and materials by one code.
    targets = [field.code for field in item.form] + [material.code for material in item.materials]
    yield from _twice("field or material", targets)


def _twice(what: str, codes: Iterable[str]) -> Iterator[str]:
    for code, times in Counter(codes).items():
        if times > 1:
            yield f"{what} {code} appears {times} times"


def _form(item: ServiceItem) -> Iterator[str]:
    fields = {field.code: field for field in item.form}
    for code, kind in STANDING_FIELDS.items():
        field = fields.get(code)
        if field is None or field.kind != kind or not field.required:
            yield f"every form asks for {code}, of kind {kind}"
        elif code in _PERSONAL and not field.personal:
            yield f"field {code} is personal"
    for field in item.form:
        if field.kind in _OWN_WORDS and not field.personal:
            yield f"field {field.code} is personal"
        if (field.kind == "choice") != bool(field.options):
            yield f"field {field.code}: options belong to choices"
    if DISTRICT_FIELD in fields:
        for option in fields[DISTRICT_FIELD].options:
            if option.zh not in DIVISIONS:
                yield f"{option.zh} is no district that we know"


def _remote(item: ServiceItem) -> Iterator[str]:
    if not item.checklist:
        yield "no checklist"
    if item.remote != "allowed" and not item.remote_note.zh:
        yield "say why, or when, it cannot be inspected by video"
