"""What an applicant hands in, held against the item: form values and materials."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Protocol
from uuid import UUID

from cases.catalogue import Field, ServiceItem
from cases.commands import SuppliedMaterial
from cases.errors import InvalidInputError
from cases.organisation import DIVISIONS

# Every item's form has these: whom the matter concerns, how to reach him, and where the premises are.
APPLICANT_FIELD = "name"
PHONE_FIELD = "phone"
DISTRICT_FIELD = "district"
ADDRESS_FIELD = "address"
STANDING_FIELDS: Mapping[str, str] = {
    APPLICANT_FIELD: "text",
    PHONE_FIELD: "phone",
    DISTRICT_FIELD: "choice",
    ADDRESS_FIELD: "address",
}

_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
# Characters; by code and not in the items' files, whose published versions are frozen.
_SHORTEST = {APPLICANT_FIELD: 2, "legal-representative": 2, "safety-manager": 2, ADDRESS_FIELD: 5}
_COUNTED = frozenset("座人把个张台间辆名")  # measure words of things that come whole
_FROM_TODAY = frozenset({"opening-date"})
_LENGTH = {"text": 200, "address": 200, "paragraph": 2000, "choice": 200}
Problem = tuple[str, str]  # Chinese, English


@dataclass(frozen=True, kw_only=True)
class ClaimedFile:
    """An upload that has become part of a case. size in bytes and sha256 (hex) of the original; name is personal."""

    id: UUID
    kind: str  # photo or pdf
    sha256: str
    size: int
    name: str


class StagedFiles(Protocol):
    """Uploads that wait to be filed with a case."""

    async def claim(self, ids: Sequence[UUID], owner: str, subject: UUID) -> list[ClaimedFile]:
        """The files, in the order of the ids, if all of them were uploaded by `owner` (`person:…`, `staff:…`).

        From here on they lie under a key of the applicant, `subject`, whoever uploaded them.
        Called again with the same ids when a command is retried, so it must answer the same again.
        Raises a MissingError for a file that is not there or is somebody else's.
        """
        ...


def check_form(item: ServiceItem, values: Mapping[str, str], *, today: date, partial: bool = False) -> dict[str, str]:
    """The values as they are kept (trimmed). `partial`: a supplement, which may leave fields out.

    today: the office's day; a planned opening lies on it or later.

    Raises InvalidInputError; its details name each field with a sentence in both languages.
    """
    problems: dict[str, Problem] = {}
    fields = {field.code: field for field in item.form}
    kept: dict[str, str] = {}
    for code, raw in values.items():
        value = raw.strip()
        if code not in fields:
            problems[code] = ("本事项不需要这一项，请删去。", "This item does not ask for it. Leave it out.")
        elif not value:
            # An emptied field is as good as one left out; if it is required, that is said below.
            continue
        elif problem := _problem(fields[code], value) or _sense_problem(fields[code], value, today):
            problems[code] = problem
        else:
            kept[code] = value
    for field in item.form:
        if field.required and not values.get(field.code, "").strip() and (not partial or field.code in values):
            problems[field.code] = (f"请填写{field.label.zh}。", f"Enter: {field.label.en or field.label.zh}.")
    if partial and DISTRICT_FIELD in kept:
        problems[DISTRICT_FIELD] = (
            "所在区市决定受理机构，不能更改；如填错，请撤回后重新提交。",
            "The district decides which office is in charge. If it is wrong, withdraw and file again.",
        )
    _refuse(problems)
    return kept


def _problem(field: Field, value: str) -> Problem | None:
    if len(value) > _LENGTH.get(field.kind, 40):
        limit = _LENGTH.get(field.kind, 40)
        return f"最多 {limit} 个字，请精简。", f"At most {limit} characters. Shorten it."
    if any(ord(c) < 32 and c not in "\n\t" for c in value):
        return "含有无法识别的字符，请重新输入。", "It contains unreadable characters. Type it again."
    return _kind_problem(field, value)


def _sense_problem(field: Field, value: str, today: date) -> Problem | None:
    """What is well formed but cannot be meant."""
    shortest = _SHORTEST.get(field.code, 1)
    if len(value) < shortest or (shortest > 1 and not any(c.isalpha() for c in value)):
        return (
            f"请填写完整，至少 {shortest} 个字。",
            f"Enter it in full, with {shortest} characters at least.",
        )
    if field.code in _FROM_TODAY and date.fromisoformat(value) < today:
        return "拟开业日期不能早于今天。", "The planned opening cannot lie in the past."
    return None


def _kind_problem(field: Field, value: str) -> Problem | None:
    match field.kind:
        case "number":
            return _number_problem(field, value)
        case "choice" if value not in {option.zh for option in field.options}:
            return "请从选项中选择。", "Choose one of the options."
        case "phone" if not _MOBILE.fullmatch(value):
            return "请填写 11 位手机号码。", "Enter a mobile number of 11 digits."
        case "date" if not _is_date(value):
            return "请按“年-月-日”填写日期，例如 2026-09-21。", "Enter the date as year-month-day, like 2026-09-21."
    return None


def _number_problem(field: Field, value: str) -> Problem | None:
    if not _NUMBER.fullmatch(value):
        return "请填写数字，不带单位。", "Enter a number without its unit."
    number = Decimal(value)
    if field.unit in _COUNTED and number != number.to_integral_value():
        return f"请填写整数（{field.unit}）。", "Enter a whole number."
    if field.minimum is not None and number < Decimal(str(field.minimum)):
        return f"不能小于 {field.minimum:g}{field.unit}。", f"It cannot be less than {field.minimum:g} {field.unit}."
    if field.maximum is not None and number > Decimal(str(field.maximum)):
        return f"不能大于 {field.maximum:g}{field.unit}。", f"It cannot be more than {field.maximum:g} {field.unit}."
    return None


def _is_date(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def other_district(form_district: str, address: str) -> str:
    """The district that an address names beside, instead of the chosen one; empty when it does not contradict it."""
    named = [district for district in DIVISIONS if district in address]
    return named[0] if named and form_district not in named else ""


def check_materials(item: ServiceItem, supplied: Iterable[SuppliedMaterial]) -> None:
    """Refuses what the item does not ask for. What is missing is not refused: the office has to say so."""
    known = {material.code: material for material in item.materials}
    problems: dict[str, Problem] = {}
    seen: set[str] = set()
    for one in supplied:
        material = known.get(one.material)
        if material is None:
            problems[one.material] = ("本事项不需要这份材料，请删去。", "This item does not ask for it. Leave it out.")
        elif material.kind == "shared":
            problems[one.material] = (
                f"“{material.name.zh}”由受理机构共享获取，无需提交（{material.basis.text}）。请删去。",
                f"The office obtains it by data sharing and may not ask for it ({material.basis.text}). Leave it out.",
            )
        elif one.material in seen:
            problems[one.material] = (
                "同一份材料出现了两次，请合并后提交。",
                "The same material is listed twice. Put its files together.",
            )
        seen.add(one.material)
    _refuse(problems)


def check_kinds(item: ServiceItem, supplied: Iterable[SuppliedMaterial], files: Mapping[UUID, ClaimedFile]) -> None:
    """Refuses a PDF where a photo is asked for, and the other way round."""
    problems: dict[str, Problem] = {}
    for one in supplied:
        accepted = item.material(one.material).accepts
        if any(files[id].kind not in accepted for id in one.attachments):
            names = {"photo": ("照片", "a photo"), "pdf": ("PDF 文件", "a PDF")}
            zh = "或".join(names[kind][0] for kind in accepted)
            en = " or ".join(names[kind][1] for kind in accepted)
            problems[one.material] = (f"请上传{zh}。", f"Upload {en}.")
    _refuse(problems)


def _refuse(problems: Mapping[str, Problem]) -> None:
    if problems:
        raise InvalidInputError(fields={code: {"zh": zh, "en": en} for code, (zh, en) in problems.items()})
