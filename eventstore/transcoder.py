"""The package's JSON, the same bytes and the same values, several times as fast.

What decides the speed of the package's transcoder is that every object passes through Python. Here the text is made
and read by msgspec, and Python only touches what needs it: objects that are not plain JSON on the way out, and
`{"_type_": …, "_data_": …}` on the way in, which an event has once, for its time. What msgspec would write or read
otherwise than the package (NaN, half a surrogate pair, subclasses of str or dict, …) takes the package's own way.
"""

from __future__ import annotations

import sys
from datetime import date, datetime
from enum import Enum
from math import isfinite
from typing import Any

import msgspec
from eventsourcing.persistence import (
    DatetimeAsISO,
    DecimalAsStr,
    JSONTranscoder,
    Transcoding,
    TranscodingNotRegisteredError,
    UUIDAsHex,
)

_BARE = frozenset({str, int, bool, type(None)})
_ONLY_STR = frozenset({str})
_from_iso = datetime.fromisoformat
_write = msgspec.json.Encoder().encode
_read = msgspec.json.Decoder().decode


class ImpostorError(ValueError):
    """A plain mapping that would be read back as something else, because its keys are `_type_` and `_data_`."""


class _OddError(Exception):
    """Something for the package's own encoder."""


class Transcoder(JSONTranscoder):
    """Registered are the package's three: UUID, datetime, Decimal."""

    def __init__(self) -> None:
        super().__init__()
        for transcoding in (UUIDAsHex(), DatetimeAsISO(), DecimalAsStr()):
            self.register(transcoding)

    def encode(self, obj: Any) -> bytes:
        """Raises ImpostorError, the package's TranscodingNotRegisteredError, and UnicodeEncodeError."""
        try:
            return _write(self._plain(obj))
        except _OddError:
            return super().encode(obj)

    def encode_fields(self, fields: dict[str, Any]) -> bytes:
        """`encode` for an object's attributes, nearly all of them plain."""
        try:
            return _write(
                fields | {name: self._plain(item) for name, item in fields.items() if type(item) not in _BARE}
            )
        except _OddError:
            return super().encode(fields)

    def decode(self, data: bytes) -> Any:
        try:
            read = _read(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return super().decode(data)
        # Never fewer than there are marked objects; escapes might spell the word otherwise: then look everywhere.
        marked = -1 if b"\\u" in data else data.count(b'_type_"')
        if marked == 1 and type(read) is dict:
            time = read.get("timestamp")
            if type(time) is dict and time.get("_type_") == "datetime_iso" and len(time) == 2 and "_data_" in time:
                read["timestamp"] = _from_iso(time["_data_"])
                return read
        return self._meant(read, marked)[0] if marked else read

    def _plain(self, value: Any) -> Any:
        """Types are compared many at a time: that runs in C."""
        kind = type(value)
        if kind is dict:
            if not _ONLY_STR.issuperset(map(type, value)):
                raise _OddError
            if len(value) == 2 and "_type_" in value and "_data_" in value:
                raise ImpostorError
            if _BARE.issuperset(map(type, value.values())):
                return value
            return {key: item if type(item) in _BARE else self._plain(item) for key, item in value.items()}
        if kind is list or kind is tuple:
            return value if _BARE.issuperset(map(type, value)) else [self._plain(item) for item in value]
        return value if kind in _BARE else self._marked(value, kind)

    def _marked(self, value: Any, kind: type) -> Any:
        if kind is float and isfinite(value):
            return msgspec.Raw(float.__repr__(value).encode())
        transcoding = self.types.get(kind)
        if transcoding is None:
            raise _OddError
        return {"_type_": transcoding.name, "_data_": self._plain(transcoding.encode(value))}

    def _meant(self, value: Any, marked: int) -> tuple[Any, int]:
        """The value with its marked objects made, and how many marks are left to be found; below 0: unknown.

        Inner objects are made before outer ones, as the package does it.
        """
        if type(value) is dict:
            for key, item in value.items():
                if not marked:
                    break
                if type(item) is dict or type(item) is list:
                    value[key], marked = self._meant(item, marked)
            if len(value) == 2 and "_type_" in value and "_data_" in value:
                return self._decode_obj(value), marked - 1
        elif type(value) is list:
            for index, item in enumerate(value):
                if not marked:
                    break
                if type(item) is dict or type(item) is list:
                    value[index], marked = self._meant(item, marked)
        return value, marked


class StateTranscoder(Transcoder):
    """For the state of aggregates, which holds more than events do, and must come back as it was.

    The package reads it with the same transcodings registered.
    """

    def __init__(self) -> None:
        super().__init__()
        for transcoding in (TupleAsList(), SetAsList(), FrozensetAsList(), DictAsItems(), DateAsISO(), EnumByName()):
            self.register(transcoding)

    def encode(self, obj: Any) -> bytes:
        """Raises TypeError for what would not come back as it was."""
        return _write(self._plain(obj))

    def _plain(self, value: Any) -> Any:
        kind = type(value)
        if kind in _BARE:
            return value
        if kind is dict:
            if not _ONLY_STR.issuperset(map(type, value)) or value.keys() == {"_type_", "_data_"}:
                return {"_type_": DictAsItems.name, "_data_": self._plain([[key, item] for key, item in value.items()])}
            return {key: self._plain(item) for key, item in value.items()}
        if kind is list:
            return [self._plain(item) for item in value]
        return self._marked(value, Enum if isinstance(value, Enum) else kind)

    def _marked(self, value: Any, kind: type) -> Any:
        try:
            return super()._marked(value, kind)
        except _OddError:
            raise TranscodingNotRegisteredError(f"{kind} has no transcoding") from None


class TupleAsList(Transcoding):
    type = tuple
    name = "tuple_as_list"

    def encode(self, obj: tuple[Any, ...]) -> list[Any]:
        return list(obj)

    def decode(self, data: list[Any]) -> tuple[Any, ...]:
        return tuple(data)


class SetAsList(Transcoding):
    type = set
    name = "set_as_list"

    def encode(self, obj: set[Any]) -> list[Any]:
        return sorted(obj, key=repr)

    def decode(self, data: list[Any]) -> set[Any]:
        return set(data)


class FrozensetAsList(Transcoding):
    type = frozenset
    name = "frozenset_as_list"

    def encode(self, obj: frozenset[Any]) -> list[Any]:
        return sorted(obj, key=repr)

    def decode(self, data: list[Any]) -> frozenset[Any]:
        return frozenset(data)


class DictAsItems(Transcoding):
    """For mappings that JSON objects do not do justice to: keys that are not strings, or that mark a transcoding."""

    type = dict
    name = "dict_as_items"

    def encode(self, obj: dict[Any, Any]) -> list[list[Any]]:
        return [[key, value] for key, value in obj.items()]

    def decode(self, data: list[list[Any]]) -> dict[Any, Any]:
        return dict(data)


class DateAsISO(Transcoding):
    type = date
    name = "date_iso"

    def encode(self, obj: date) -> str:
        return obj.isoformat()

    def decode(self, data: str) -> date:
        return date.fromisoformat(data)


class EnumByName(Transcoding):
    """Imports nothing: the class is looked up where it is defined."""

    type = Enum
    name = "enum_by_name"

    def encode(self, obj: Enum) -> list[str]:
        return [type(obj).__module__, type(obj).__qualname__, obj.name]

    def decode(self, data: list[str]) -> Enum:
        module, qualname, name = data
        found: Any = sys.modules[module]
        for part in qualname.split("."):
            found = getattr(found, part)
        if not (isinstance(found, type) and issubclass(found, Enum)):
            raise TypeError(f"{module}.{qualname} is not an Enum")
        return found[name]
