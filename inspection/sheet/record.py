"""The canonical record of an inspection sheet (勘验单): what every party signs is the SHA-256 of these bytes.

Canonical means RFC 8785: the same facts give the same bytes on any machine. Times are ISO 8601 at +08:00 with
milliseconds. The caller has opened the personal values; the random `salt` keeps the digest from being guessed
out of a short list of names, so the digest itself may stand in an event.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Annotated, Literal

import msgspec
import rfc8785

from cases.errors import RefusedError

BEIJING = timezone(timedelta(hours=8))

Json = str | bool | int | float | None | Sequence["Json"] | Mapping[str, "Json"]
Hex32 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{32}$")]
Hex64 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]

Mode = Literal["remote", "on-site", "mixed"]
Role = Literal["applicant", "inspector", "helper", "observer"]
Verdict = Literal["pass", "fail", "rectify-now", "rectify-by", "not-applicable", "unclear"]
Outcome = Literal["passed", "rectify", "failed", "on-site"]


class SheetRecordError(RefusedError):
    code = "sheet-record-invalid"
    kind = "invalid"
    zh = "勘验单内容不完整或格式不符，暂不能生成。请检查勘验记录后重试。"
    en = "The sheet's content is incomplete or malformed. Check the inspection's record and try again."


class _Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class CaseFacts(_Part, frozen=True, kw_only=True):
    number: str
    item_code: str
    item_name: str
    item_version: str


class OfficeFacts(_Part, frozen=True, kw_only=True):
    code: str
    name: str


class InspectionFacts(_Part, frozen=True, kw_only=True):
    id: str
    mode: Mode
    place: str
    started_at: Moment
    ended_at: Moment


class NoticeFacts(_Part, frozen=True, kw_only=True):
    """The notice of recording that the applicant was shown, and the answer (`accepted`, `refused`)."""

    version: str
    answered_at: Moment
    answer: str


class Presence(_Part, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    since: Moment
    until: Moment


class Participant(_Part, frozen=True, kw_only=True):
    """party: an id that is unique within the sheet; signatures, judgements and recordings refer to it.

    certificate: number of an inspector's enforcement certificate (执法证), empty where there is none.
    """

    party: str
    role: Role
    name: str
    certificate: str = ""
    present: tuple[Presence, ...] = ()


class Still(_Part, frozen=True, kw_only=True):
    """sha256: of the original as it was received, before any watermark."""

    id: str
    sha256: Hex64
    taken_at: Moment


class Item(_Part, frozen=True, kw_only=True):
    """One point of the checklist. `verdict` is None when nobody judged it; `judged_by` is a party."""

    code: str
    title: str
    requirement: str
    basis: str
    trust: str
    verdict: Verdict | None
    note: str = ""
    judged_by: str | None = None
    judged_at: Moment | None = None
    stills: tuple[Still, ...] = ()


class Gap(_Part, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    since: Moment
    until: Moment
    reason: str


class Recording(_Part, frozen=True, kw_only=True, rename={"since": "from", "until": "to"}):
    """A part of the recording, from one connection of one participant; `seconds` were really recorded."""

    part: str
    participant: str
    digest: Hex64
    since: Moment
    until: Moment
    seconds: float
    gaps: tuple[Gap, ...] = ()


class Mend(_Part, frozen=True, kw_only=True):
    """What is to be mended; `by` is None when no date was set."""

    code: str
    what: str
    by: date | None = None


class Findings(_Part, frozen=True, kw_only=True):
    passed: tuple[str, ...] = ()
    mend: tuple[Mend, ...] = ()


class SheetRecord(_Part, frozen=True, kw_only=True):
    format: Literal["peiban-sheet/1"] = "peiban-sheet/1"
    salt: Hex32
    case: CaseFacts
    office: OfficeFacts
    inspection: InspectionFacts
    notice: NoticeFacts | None
    participants: tuple[Participant, ...]
    items: tuple[Item, ...]
    recordings: tuple[Recording, ...]
    findings: Findings
    outcome: Outcome


def canonical(record: SheetRecord) -> bytes:
    """The bytes that are signed. Raises SheetRecordError when a value does not fit its type."""
    try:
        plain = _plain(msgspec.to_builtins(record, builtin_types=(datetime, date)))
        encoded = rfc8785.dumps(plain)
        msgspec.json.decode(encoded, type=SheetRecord)
    except (msgspec.ValidationError, rfc8785.CanonicalizationError, UnicodeEncodeError, TypeError) as wrong:
        raise SheetRecordError from wrong
    return encoded


def read_record(record: bytes) -> SheetRecord:
    """The record in canonical bytes; anything else, a different order of keys included, is refused."""
    try:
        decoded = msgspec.json.decode(record, type=SheetRecord)
    except (msgspec.DecodeError, UnicodeDecodeError) as wrong:
        raise SheetRecordError from wrong
    if canonical(decoded) != record:
        raise SheetRecordError
    return decoded


def digest(record: bytes) -> str:
    """SHA-256 of the canonical bytes, as 64 hexadecimal digits."""
    return hashlib.sha256(record).hexdigest()


def _plain(value: object) -> Json:
    match value:
        case datetime():
            if value.tzinfo is None:
                raise TypeError("a time without its zone")
            return value.astimezone(BEIJING).isoformat(timespec="milliseconds")
        case date():
            return value.isoformat()
        case str() | bool() | int() | float() | None:
            return value
        case Mapping():
            return {str(key): _plain(part) for key, part in value.items()}
        case Sequence():
            return [_plain(part) for part in value]
        case _:
            raise TypeError("a value that JSON does not have")
