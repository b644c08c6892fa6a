"""Reading and decoding what was sent: bounded in size and time, strict in shape, path ids merged in."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints
from uuid import UUID

import msgspec
from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.multipart import BodyPartReader

from cases.errors import MissingError
from web.problems import BodyError, TooLargeError, TooSlowError, WrongTypeError
from web.routing import JSON_LIMIT, UPLOAD_LIMIT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

T = TypeVar("T")
_FIELD_LIMIT = 1000
# What aiohttp raises for a body that is broken, or whose sender went away before its end.
_BROKEN = (web.RequestPayloadError, HttpProcessingError, ConnectionError, ValueError, AssertionError)
# PostgreSQL stores no NUL, and no page sends one.
_UNSTORABLE = "\0"


@asynccontextmanager
async def deadline(seconds: float) -> AsyncIterator[None]:
    """A body that trickles in is cut off: the server's own time-outs watch only its headers."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise TooSlowError from None


async def read_json(request: web.Request, seconds: float) -> Any:
    """The JSON value of the body, of at most 256 kB; an empty body is an empty object."""
    if request.content_type != "application/json" and request.can_read_body:
        raise WrongTypeError(expected="application/json")
    refuse_length(request, JSON_LIMIT)
    data = bytearray()
    async with deadline(seconds):
        try:
            async for chunk in request.content.iter_chunked(65536):
                data += chunk
                if len(data) > JSON_LIMIT:
                    raise TooLargeError(limit=JSON_LIMIT)
        except _BROKEN:
            raise BodyError(fields={"": "ends too early"}) from None
    try:
        return msgspec.json.decode(bytes(data)) if data else {}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BodyError(fields={"": "not JSON"}) from None


def decode(value: Any, kind: type[T], path: Mapping[str, str]) -> T:
    """The body as `kind`. Fields named by the path are taken from it and refused in the body."""
    if not isinstance(value, dict):
        raise BodyError(fields={"": "expected an object"})
    hints = get_type_hints(kind)
    from_path = {name: text for name, text in path.items() if name in hints}
    if twice := from_path.keys() & value.keys():
        raise BodyError(fields=dict.fromkeys(twice, "is part of the address"))
    for name, text in from_path.items():
        if hints[name] is UUID:
            path_id(text)
    for name, held in value.items():
        if _holds_unstorable(held):
            raise BodyError(fields={name: "has a character that cannot be stored"})
    try:
        return msgspec.convert({**value, **from_path}, kind)
    except msgspec.ValidationError as wrong:
        raise BodyError(fields=_fields(str(wrong))) from None


def _holds_unstorable(value: Any) -> bool:
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as text if _UNSTORABLE in text:
                return True
            case dict() as held:
                waiting += (*held.keys(), *held.values())
            case list() as held:
                waiting += held
    return False


def path_id(text: str) -> UUID:
    """A uuid of the path; anything else is the address of nothing."""
    try:
        return UUID(text)
    except ValueError:
        raise MissingError from None


def _fields(message: str) -> dict[str, str]:
    """msgspec says "what - at `$.a.b`", or names the field in "what"."""
    what, _, where = message.partition(" - at ")
    path = where.strip("`").removeprefix("$").lstrip(".").replace("[...]", "")
    named = re.search(r"(?:missing required|unknown) field `(\w+)`", what)
    if named:
        path = f"{path}.{named[1]}".lstrip(".")
        what = "is required" if "missing" in what else "is not known here"
    return {path: what}


def refuse_length(request: web.Request, limit: int) -> None:
    """Refuses by the announced length, before a byte of it is read."""
    if request.content_length is not None and request.content_length > limit:
        raise TooLargeError(limit=limit)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded file as it was sent; nothing in it is believed yet."""

    name: str
    media_type: str
    data: bytes

    def __repr__(self) -> str:
        return f"Part({len(self.data)} bytes)"  # the name is personal data


async def read_upload(request: web.Request, fields: tuple[str, ...], seconds: float) -> tuple[Part, dict[str, str]]:
    """The file of a multipart body, and the small text fields beside it. 21 MB in all."""
    if request.content_type != "multipart/form-data":
        raise WrongTypeError(expected="multipart/form-data")
    refuse_length(request, UPLOAD_LIMIT)
    file, texts = None, dict[str, str]()
    async with deadline(seconds):
        try:
            async for part in await request.multipart():
                if not isinstance(part, BodyPartReader):
                    raise BodyError(fields={"": "nested forms are not read"})
                if part.name == "file" and file is None:
                    file = Part(
                        name=part.filename or "",
                        media_type=part.headers.get(hdrs.CONTENT_TYPE, ""),
                        data=await _read(part, UPLOAD_LIMIT),
                    )
                elif part.name in fields:
                    texts[part.name] = (await _read(part, _FIELD_LIMIT)).decode("utf-8", "replace")
                else:
                    raise BodyError(fields={"form": "has a part that is not known here"})
        except _BROKEN:
            raise BodyError(fields={"": "not a form"}) from None
    if file is None:
        raise BodyError(fields={"file": "is required"})
    return file, texts


async def _read(part: BodyPartReader, limit: int) -> bytes:
    data = bytearray()
    while chunk := await part.read_chunk(262144):
        data += chunk
        if len(data) > limit:
            raise TooLargeError(limit=limit)
    return bytes(data)
