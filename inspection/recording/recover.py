"""Checking journals, and closing those that a crash left open."""

import fcntl
import hashlib
import json
import os
import struct
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from inspection.recording import records
from inspection.recording.coverage import Coverage, Gap
from inspection.recording.journal import SUFFIX, Seal
from inspection.recording.records import GENESIS, MAGIC, Damage


@dataclass(frozen=True)
class VerifyReport:
    """`bad_offset` is where the first wrong byte's record, or the first lying checkpoint, begins in the file."""

    ok: bool
    bytes: int
    packets: int
    head: str | None  # last chain value that holds
    verified: int  # bytes bound by it
    until: float | None  # up to when that is
    sealed: bool
    recovered: bool
    knows_head: bool  # the head asked for stands somewhere in the chain
    bad_offset: int | None
    bad: Literal["torn", "damaged", "chain"] | None


@dataclass(frozen=True)
class Recovered:
    """What became of one journal that was found open. `seal` is None when it cannot be closed honestly: then
    `report.bad_offset` says where it is damaged, and the file is left as it is.
    """

    path: Path
    recording_id: str | None
    part: int | None
    about: dict[str, Any]
    report: VerifyReport
    seal: Seal | None


@dataclass
class _Reading:
    """One pass over a journal."""

    running: Any
    chain: bytes = GENESIS
    bound: int = 0
    until: float | None = None
    end: int = 0
    packets: int = 0
    first: float | None = None
    last: float | None = None
    sealed: bool = False
    recovered: bool = False
    knows: bool = False
    head: dict[str, Any] | None = None
    coverage: Coverage | None = None
    bad_offset: int | None = None
    bad: Literal["torn", "damaged", "chain"] | None = None


def verify(path: Path, head: str | None = None) -> VerifyReport:
    """Reads the whole journal. `ok`: every byte is bound by the chain, the file is sealed, and `head` (a chain value
    kept elsewhere, at whatever moment of the recording) is one of its links.
    """
    return _report(_read(path, head), head)


def recover(folder: Path, clock: Callable[[], float] = time.time) -> list[Recovered]:
    """Closes what a crash left open: whole records behind the last checkpoint are kept and said to be recovered,
    what is left of a half-written one is set aside in a file of its own (".cut"). Sealed journals and those being
    written by a living process are left alone.
    """
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not _ends_sealed(descriptor):
                found.append(_close(path, descriptor, clock()))
        except BlockingIOError:  # another process, or another part of this one, holds it
            continue
        finally:
            os.close(descriptor)
    return found


def _ends_sealed(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    tail = os.pread(descriptor, records.CHECKPOINT_RECORD, max(0, size - records.CHECKPOINT_RECORD))
    return records.checkpoint_at(tail, 0) == records.FINAL


def _read(path: Path, head: str | None) -> _Reading:
    reading = _Reading(hashlib.sha256(MAGIC))
    with path.open("rb") as file:
        for record in records.read(file):
            if isinstance(record, Damage):
                reading.bad_offset, reading.bad = record.offset, record.how
                break
            try:
                holds = _take(reading, record, head)
            except (ValueError, LookupError, TypeError, struct.error):  # a right checksum around nonsense
                reading.bad_offset, reading.bad = record.offset, "damaged"
                break
            if not holds:
                reading.bad_offset, reading.bad = record.offset, "chain"
                break
            reading.running.update(records.frame(record.type, record.body))
            reading.end = record.end
    return reading


def _take(reading: _Reading, record: records.Record, head: str | None) -> bool:
    reading.sealed = record.type == records.FINAL
    match record.type:
        case records.CHECKPOINT | records.FINAL:
            checkpoint = records.unpack_checkpoint(record.body)
            if not records.checkpoint_holds(checkpoint, record, reading.chain, reading.running.digest()):
                return False
            reading.chain, reading.bound, reading.until = checkpoint.chain, record.end, checkpoint.until
            reading.knows = reading.knows or checkpoint.chain.hex() == head
        case records.PACKET:
            packet = records.unpack_packet(record.body)
            reading.packets += 1
            reading.first = packet.arrival if reading.first is None else reading.first
            reading.last = packet.arrival
            if reading.coverage is not None:
                reading.coverage.packet(packet)
        case records.ABOUT:
            reading.head = json.loads(record.body)
            reading.coverage = Coverage(reading.head["opened"], reading.head["expects"])
        case records.GAP:
            gap = Gap(**json.loads(record.body))
            if reading.coverage is not None:
                reading.coverage.not_written(gap.kind, gap.start, gap.end, gap.packets)
        case records.RECOVERED:
            reading.recovered = True
    return True


def _report(reading: _Reading, head: str | None) -> VerifyReport:
    whole = reading.bad is None and reading.sealed
    return VerifyReport(
        ok=whole and (head is None or reading.knows),
        bytes=reading.end,
        packets=reading.packets,
        head=reading.chain.hex() if reading.bound else None,
        verified=reading.bound,
        until=reading.until,
        sealed=reading.sealed,
        recovered=reading.recovered,
        knows_head=reading.knows,
        bad_offset=reading.bad_offset,
        bad=reading.bad,
    )


def _close(path: Path, descriptor: int, at: float) -> Recovered:
    reading = _read(path, None)
    about = reading.head or {}
    report = _report(reading, None)
    cut = b""
    if reading.bad is not None:
        with path.open("rb") as file:
            file.seek(reading.end)
            cut = file.read()
    # A crash leaves an end cut short, or zeros after a power cut, but no checkpoint behind it. If there is one,
    # or a link of the chain is wrong, somebody has to look, and nothing is added.
    closable = reading.head is not None and reading.bad != "chain" and not records.find_checkpoint(cut)
    seal = _append_seal(path, descriptor, reading, cut, at) if closable else None
    return Recovered(path, about.get("recording"), about.get("part"), about.get("about", {}), report, seal)


def _append_seal(path: Path, descriptor: int, reading: _Reading, cut: bytes, at: float) -> Seal:
    assert reading.coverage is not None
    assert reading.head is not None
    if cut:
        path.with_suffix(".cut").write_bytes(cut)
        os.ftruncate(descriptor, reading.end)
    until = reading.last if reading.last is not None else reading.until or reading.head["opened"]
    gaps = reading.coverage.close(until)
    note = {"at": at, "tail_from": reading.bound, "cut_bytes": len(cut)}
    summary = {"at": at, "packets": reading.packets, "first": reading.first, "last": reading.last}
    closing = records.pack_json(records.RECOVERED, note)
    closing += records.pack_json(records.SEAL, {**summary, "gaps": [asdict(gap) for gap in gaps]})
    reading.running.update(closing)
    offset = reading.end + len(closing)
    record, link = records.pack_checkpoint(reading.chain, offset, at, reading.running.digest(), final=True)
    os.write(descriptor, closing + record)
    os.fdatasync(descriptor)
    size = offset + len(record)
    return Seal(path, size, reading.packets, reading.first, reading.last, link.hex(), gaps, recovered=True)
