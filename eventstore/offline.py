"""Verifies an exported record, or a receipt, without any database. Memory grows with the number of streams only."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TypeVar
from uuid import UUID

import msgspec

from eventstore.chain import START, event_hash
from eventstore.checkpoint import Checkpoint, NoteError, VerifierKey, decode_base64
from eventstore.export import RECEIPT, RECORD, WHOLE, CheckpointLine, EventLine, Header, Receipt, encode, keys_of
from eventstore.findings import Finding
from eventstore.merkle import CompactRange, ProofError, leaf_hash, verify_inclusion

_LONGEST = 64 * 1024 * 1024  # bytes of a line
_HASH = re.compile(r"[0-9a-f]{64}")
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

TLine = TypeVar("TLine")


class _BrokenError(Exception):
    """A line that cannot be read, or is not written as it would be written again."""


@dataclass(frozen=True)
class FileReport:
    """kind: `record` or `receipt`; events: how many were found good, of `head` that the file says it has.

    vkey: the key that signed, empty when even the header is bad.
    """

    kind: str
    events: int
    streams: int
    head: int
    checkpoints: int
    cosignatures: int
    vkey: str
    first_bad: Finding | None


@dataclass
class _Event:
    line: EventLine
    stream: UUID
    state: bytes
    hash: bytes


def verify_file(
    path: Path,
    *,
    key: VerifierKey | None = None,
    newer: Sequence[Checkpoint] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FileReport:
    """key: whoever should have signed; without it, the key that the file itself names is taken.

    newer: checkpoints from elsewhere, of which this record must not fall short. Raises OSError only.
    """
    with path.open("rb") as file:
        return verify_stream(file, key=key, newer=newer, progress=progress)


def verify_stream(
    file: IO[bytes],
    *,
    key: VerifierKey | None = None,
    newer: Sequence[Checkpoint] = (),
    progress: Callable[[int, int], None] | None = None,
) -> FileReport:
    first = file.readline(_LONGEST)
    if first.startswith(b'{"checkpoint":'):
        return _receipt(first, file.read(1), key)
    return _Record(file, key, newer, progress).run(first)


class _Record:
    def __init__(
        self,
        file: IO[bytes],
        key: VerifierKey | None,
        newer: Sequence[Checkpoint],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        self._file = file
        self._expected_key = key
        self._newer = sorted(newer, key=lambda each: each.size)
        self._progress = progress
        self._tree = CompactRange()
        self._streams: dict[bytes, tuple[int, bytes]] = {}
        self._line = 1
        self._head = self._covered = self._checkpoints = self._cosignatures = 0
        self._key: VerifierKey | None = None
        self._witnesses: list[VerifierKey] = []

    def run(self, first: bytes) -> FileReport:
        finding = self._header(first) or self._body() or self._end()
        return FileReport(
            "record",
            self._tree.size,
            len(self._streams),
            self._head,
            self._checkpoints,
            self._cosignatures,
            str(self._key) if self._key else "",
            finding,
        )

    def _header(self, line: bytes) -> Finding | None:
        try:
            header = _read(line, Header)
            key, self._witnesses = keys_of(header.vkey, header.witnesses)
            if header.format != RECORD or header.origin != key.name or not 0 <= header.events <= WHOLE:
                raise _BrokenError
        except (_BrokenError, NoteError):
            return Finding("line-broken", 1, line=1)
        if self._expected_key not in (None, key):
            return Finding("checkpoint-signature", 1, line=1)
        self._head, self._key = header.events, key
        return None

    def _body(self) -> Finding | None:
        while line := self._file.readline(_LONGEST):
            self._line += 1
            done = self._tree.size
            try:
                if line.startswith(b'{"checkpoint":'):
                    finding = self._checkpoint(_read(line, CheckpointLine).checkpoint)
                elif done == self._head:
                    raise _BrokenError
                else:
                    finding = self._event(_event(_read(line, EventLine)))
            except _BrokenError:
                finding = Finding("line-broken", min(done + 1, self._head))
            if finding is not None:
                return replace(finding, line=self._line)
            if self._progress is not None and self._tree.size % 500 == 0:
                self._progress(self._tree.size, self._head)
        return None

    def _event(self, event: _Event) -> Finding | None:
        line, expected = event.line, self._tree.size + 1
        if line.position != expected:
            return Finding("position-missing", expected)
        version, before = self._streams.get(event.stream.bytes, (None, START))
        bad = Finding("hash-mismatch", expected, event.stream, line.originator_version, line.topic)
        if line.originator_version not in ((0, 1) if version is None else (version + 1,)):
            return replace(bad, what="stream-broken")
        if event_hash(before, event.stream, line.originator_version, line.topic, event.state) != event.hash:
            return bad
        self._streams[event.stream.bytes] = (line.originator_version, event.hash)
        self._tree.append(leaf_hash(event.hash))
        for checkpoint in self._newer:
            if checkpoint.size == expected and checkpoint.root != self._tree.root():
                return Finding("checkpoint-mismatch", self._covered + 1, checkpoint=expected)
        return None

    def _checkpoint(self, note: str) -> Finding | None:
        size = self._tree.size
        bad = Finding("checkpoint-mismatch", min(self._covered + 1, self._head), checkpoint=size)
        if what := self._wrong_with(note):
            return replace(bad, what=what)
        self._covered = size
        self._checkpoints += 1
        return None

    def _wrong_with(self, note: str) -> str:
        assert self._key is not None
        try:
            checkpoint = Checkpoint.parse(note)
        except NoteError:
            return "checkpoint-unreadable"
        if checkpoint.size != self._tree.size or self._covered == self._tree.size:
            return "checkpoint-unreadable"
        try:
            checkpoint.verify(self._key)
            cosignatures = checkpoint.cosignatures(self._witnesses)
        except NoteError:
            return "checkpoint-signature"
        if len(cosignatures) != len(checkpoint.signatures) - 1:  # by nobody whom the header names: not to be verified
            return "checkpoint-signature"
        self._cosignatures += len(cosignatures)
        return "" if checkpoint.root == self._tree.root() else "checkpoint-mismatch"

    def _end(self) -> Finding | None:
        size = self._tree.size
        if size != self._head:
            return Finding("position-missing", size + 1, line=self._line + 1)
        if self._covered != size:
            return Finding("checkpoint-missing", self._covered + 1, checkpoint=size, line=self._line + 1)
        for checkpoint in self._newer:
            if checkpoint.size > size:
                return Finding("rolled-back", size + 1, checkpoint=checkpoint.size)
        if self._progress is not None:
            self._progress(size, self._head)
        return None


def _receipt(first: bytes, more: bytes, expected: VerifierKey | None) -> FileReport:
    position = checkpoints = cosignatures = 0
    vkey, finding = "", None
    try:
        receipt = _read(first, Receipt)
        event = _event(receipt.event)
        hashes = [_hex(text) for text in (receipt.previous, *receipt.proof)]
        key, witnesses = keys_of(receipt.vkey, receipt.witnesses)
        if receipt.format != RECEIPT or more:
            raise _BrokenError
        position, vkey = event.line.position, str(key)
        finding = _wrong_with_receipt(receipt, event, hashes, key=key, witnesses=witnesses, expected=expected)
        if finding is None:
            checkpoints, cosignatures = 1, len(Checkpoint.parse(receipt.checkpoint).signatures) - 1
    except (_BrokenError, NoteError):
        finding = Finding("line-broken", 1)
    good = int(finding is None)
    return FileReport(
        "receipt", good, good, position, checkpoints, cosignatures, vkey, finding and replace(finding, line=1)
    )


def _wrong_with_receipt(
    receipt: Receipt,
    event: _Event,
    hashes: Sequence[bytes],
    *,
    key: VerifierKey,
    witnesses: Sequence[VerifierKey],
    expected: VerifierKey | None,
) -> Finding | None:
    line = event.line
    bad = Finding("hash-mismatch", line.position, event.stream, line.originator_version, line.topic)
    if event_hash(hashes[0], event.stream, line.originator_version, line.topic, event.state) != event.hash:
        return bad
    try:
        checkpoint = Checkpoint.parse(receipt.checkpoint)
    except NoteError:
        return replace(bad, what="checkpoint-unreadable")
    bad = replace(bad, checkpoint=checkpoint.size)
    try:
        checkpoint.verify(key)
        known = checkpoint.cosignatures(witnesses)
    except NoteError:
        return replace(bad, what="checkpoint-signature")
    if expected not in (None, key) or len(known) != len(checkpoint.signatures) - 1:
        return replace(bad, what="checkpoint-signature")
    try:
        verify_inclusion(leaf_hash(event.hash), line.position - 1, checkpoint.size, hashes[1:], checkpoint.root)
    except ProofError:
        return replace(bad, what="proof-mismatch")
    return None


def _read(line: bytes, kind: type[TLine]) -> TLine:
    try:
        value = msgspec.json.decode(line, type=kind)
        again = encode(value) + b"\n"
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise _BrokenError from None
    if again != line:
        raise _BrokenError
    return value


def _event(line: EventLine) -> _Event:
    if not _UUID.fullmatch(line.originator_id):
        raise _BrokenError
    if not 0 <= line.originator_version <= WHOLE or not 1 <= line.position <= WHOLE:
        raise _BrokenError
    if (line.state is msgspec.UNSET) == (line.state_base64 is msgspec.UNSET):
        raise _BrokenError
    if isinstance(line.state, str):
        state = line.state.encode()
    else:
        assert isinstance(line.state_base64, str)
        state = _not_text(line.state_base64)
    return _Event(line, UUID(line.originator_id), state, _hex(line.hash))


def _not_text(text: str) -> bytes:
    """What is written as base64 has to be what cannot be written as text."""
    try:
        data = decode_base64(text)
        data.decode()
    except UnicodeDecodeError:
        return data
    except NoteError:
        pass
    raise _BrokenError


def _hex(text: str) -> bytes:
    if not _HASH.fullmatch(text):
        raise _BrokenError
    return bytes.fromhex(text)


__all__ = ["FileReport", "verify_file", "verify_stream"]
