"""The record as a file that anybody can verify: canonical JSON Lines, described in docs/record-format.md.

Lines are structs whose fields stand in alphabetical order, so that writing one is canonical (RFC 8785: only strings
and whole numbers below 2^53 occur), and a line is good only if it is written again the same, byte for byte.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import IO, Any
from uuid import UUID

import msgspec

from eventstore.chain import START
from eventstore.checkpoint import Checkpoint, NoteError, SignatureLine, VerifierKey, encode_base64
from eventstore.connection import Connection, Row, connect
from eventstore.errors import EventStoreError
from eventstore.log import LogTree

RECORD = "peiban-record-1"
RECEIPT = "peiban-receipt-1"
PAGE = Path(__file__).parent / "verify.html"
WHOLE = 2**53 - 1  # what every JSON reader keeps exactly

_PAGE = 1000
_EVENTS = """
SELECT notification_id, originator_id, originator_version, topic, state, hash FROM peiban_events
WHERE notification_id > $1 AND notification_id <= $2 ORDER BY notification_id LIMIT $3
"""
_PREVIOUS = "SELECT hash FROM peiban_events WHERE originator_id = $1 AND originator_version = $2"
_NOTES = "SELECT note FROM peiban_checkpoints WHERE size > $1 AND size <= $2 ORDER BY size"

encode = msgspec.json.Encoder().encode


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line. witnesses: verifier keys of those whose cosignatures stand in the file."""

    events: int
    format: str
    origin: str
    vkey: str
    witnesses: list[str]


class EventLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """state: the exact text; state_base64 in its place where the bytes are not UTF-8."""

    hash: str
    originator_id: str
    originator_version: int
    position: int
    state: str | msgspec.UnsetType = msgspec.UNSET
    state_base64: str | msgspec.UnsetType = msgspec.UNSET
    topic: str


class CheckpointLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    checkpoint: str


class Receipt(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One event and the way from it to a checkpoint. previous: hash of the event before it in its stream, or zeros."""

    checkpoint: str
    event: EventLine
    format: str
    previous: str
    proof: list[str]
    vkey: str
    witnesses: list[str]


class NothingRecordedError(EventStoreError):
    code = "nothing-recorded"
    zh = "记录中没有这一序号的事件。"
    en = "The record has no event at this position."


async def export(
    url: str,
    target: Path,
    key: VerifierKey,
    *,
    cosigners: Sequence[VerifierKey] = (),
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Writes all events up to the newest checkpoint, which should be a fresh one; gives their number.

    The file appears whole, with the page that verifies it beside it, or not at all.
    """
    draft = target.with_name(f".{target.name}.part")
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            newest = await LogTree(connection).newest_row()
            events = int(newest["size"]) if newest else 0
            with draft.open("wb") as out:
                await _write(connection, out, events, key, cosigners=cosigners, progress=progress)
                out.flush()
                await asyncio.to_thread(os.fsync, out.fileno())
        await asyncio.to_thread(shutil.copyfile, PAGE, target.with_name(PAGE.name))
        draft.replace(target)
        await asyncio.to_thread(_sync_folder, target.parent)
    finally:
        draft.unlink(missing_ok=True)
        await connection.close()
    return events


async def _write(
    connection: Connection,
    out: IO[bytes],
    events: int,
    key: VerifierKey,
    *,
    cosigners: Sequence[VerifierKey],
    progress: Callable[[int, int], None] | None,
) -> None:
    header = Header(events, RECORD, key.name, str(key), [str(each) for each in cosigners])
    out.write(encode(header) + b"\n")
    at = 0
    async for rows in _pages(connection, events):
        notes = await connection.fetch(_NOTES, at, at + len(rows))
        waiting = [await _cosigned(connection, row["note"], cosigners) for row in notes]
        lines = []
        for row in rows:
            at += 1
            lines.append(encode(event_line(row)))
            if waiting and waiting[0].size == at:
                lines.append(encode(CheckpointLine(str(waiting.pop(0)))))
        out.write(b"\n".join(lines) + b"\n")
        if progress is not None:
            progress(at, events)


async def _pages(connection: Connection, events: int) -> AsyncIterator[list[Row]]:
    after = 0
    while rows := await connection.fetch(_EVENTS, after, events, _PAGE):
        yield rows
        after = rows[-1]["notification_id"]


def event_line(row: Row) -> EventLine:
    stream = str(UUID(bytes=row["originator_id"].bytes))
    state: dict[str, Any]
    try:
        state = {"state": row["state"].decode()}
    except UnicodeDecodeError:
        state = {"state_base64": encode_base64(row["state"])}
    return EventLine(
        hash=row["hash"].hex(),
        originator_id=stream,
        originator_version=row["originator_version"],
        position=row["notification_id"],
        topic=row["topic"],
        **state,
    )


async def _cosigned(connection: Connection, note: str, cosigners: Sequence[VerifierKey]) -> Checkpoint:
    """The note with the cosignatures of witnesses that the file names; lines of others could not be verified."""
    bare = Checkpoint.parse(note)
    if not cosigners:
        return bare
    full = await LogTree(connection).with_cosignatures(bare)
    return bare.with_signatures(_of(full.signatures, cosigners))


def _of(lines: Sequence[SignatureLine], keys: Sequence[VerifierKey]) -> list[SignatureLine]:
    return [line for line in lines if any(key.made(line) for key in keys)]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def prove(url: str, position: int, key: VerifierKey, *, cosigners: Sequence[VerifierKey] = ()) -> bytes:
    """A receipt for one event, against the newest checkpoint. Raises NothingRecordedError."""
    connection = await connect(url)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            log = LogTree(connection)
            newest = await log.newest_row()
            rows = await log.fetch(_EVENTS, position - 1, position, 1)
            if newest is None or not rows or not 1 <= position <= newest["size"]:
                raise NothingRecordedError(f"[{position}]")
            event = event_line(rows[0])
            before = await log.fetch(_PREVIOUS, rows[0]["originator_id"], rows[0]["originator_version"] - 1)
            checkpoint = await _cosigned(connection, newest["note"], cosigners)
            receipt = Receipt(
                str(checkpoint),
                event,
                RECEIPT,
                (before[0]["hash"] if before else START).hex(),
                [each.hex() for each in await log.inclusion(position - 1, newest["size"])],
                str(key),
                [str(each) for each in cosigners if _of(checkpoint.signatures, [each])],
            )
            return encode(receipt) + b"\n"
    finally:
        await connection.close()


def keys_of(vkey: str, witnesses: Sequence[str]) -> tuple[VerifierKey, list[VerifierKey]]:
    """Raises NoteError, also for a witness that is named twice."""
    keys = [VerifierKey.parse(text) for text in witnesses]
    if len(set(witnesses)) != len(witnesses):
        raise NoteError("a witness is named twice")
    return VerifierKey.parse(vkey), keys
