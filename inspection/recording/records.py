"""The journal's file format, and how its chain of hashes is computed.

    file       = MAGIC, record*
    record     = length u32, crc32 u32, type u8, body        length and crc32 cover type and body; all big-endian
    checkpoint = offset u64, until u64 (µs), running 32 bytes, chain 32 bytes      the last one is of type FINAL

`running` is the SHA-256 of the file's bytes before the checkpoint record, `offset` how many those are. `chain`
binds it to the checkpoint before: whoever keeps one chain value elsewhere can prove every byte before it.
The CRC only tells which record was damaged; the evidence is the chain.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, Literal

from inspection.media.packet import Kind, Packet

MAGIC: Final = b"PEIBANJ1"
ABOUT, PACKET, MARK, GAP, CHECKPOINT, SEAL, RECOVERED, FINAL = range(1, 9)
MAX_RECORD: Final = 1 << 20
ALGORITHM: Final = b"peiban-journal-chain:1:sha-256\x00"
GENESIS: Final = bytes(32)
FRAME: Final = struct.Struct("!IIB")
_PACKET: Final = struct.Struct("!BBBBIHIQ")
_CHECKPOINT: Final = struct.Struct("!QQ32s32s")
CHECKPOINT_RECORD: Final = FRAME.size + _CHECKPOINT.size
_KINDS: Final[tuple[Kind, Kind]] = ("audio", "video")
_CODECS: Final = ("opus", "VP8", "H264")


@dataclass(frozen=True)
class Record:
    offset: int  # where its frame begins in the file
    end: int
    type: int
    body: bytes


@dataclass(frozen=True)
class Checkpoint:
    offset: int
    until: float  # seconds since the epoch
    running: bytes
    chain: bytes


@dataclass(frozen=True)
class Damage:
    """Reading stopped: the record at `offset` is cut short ("torn") or does not match its checksum ("damaged")."""

    offset: int
    how: Literal["torn", "damaged"]


def frame(type_: int, body: bytes) -> bytes:
    head = bytes([type_])
    return FRAME.pack(len(body) + 1, zlib.crc32(body, zlib.crc32(head)), type_) + body


def pack_json(type_: int, value: dict[str, Any]) -> bytes:
    return frame(type_, json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode())


def pack_packet(packet: Packet) -> bytes:
    head = _PACKET.pack(
        _KINDS.index(packet.kind),
        _CODECS.index(packet.codec),
        packet.payload_type,
        packet.marker,
        packet.clock_rate,
        packet.sequence,
        packet.timestamp,
        round(packet.arrival * 1_000_000),
    )
    return frame(PACKET, head + packet.payload)


def unpack_packet(body: bytes) -> Packet:
    kind, codec, payload_type, marker, rate, sequence, timestamp, arrival = _PACKET.unpack_from(body)
    payload = body[_PACKET.size :]
    return Packet(
        _KINDS[kind],
        _CODECS[codec],
        rate,
        payload_type,
        sequence,
        timestamp,
        bool(marker),
        payload,
        arrival / 1_000_000,
    )


def chain(previous: bytes, offset: int, until_us: int, running: bytes) -> bytes:
    return hashlib.sha256(ALGORITHM + previous + struct.pack("!QQ", offset, until_us) + running).digest()


def pack_checkpoint(
    previous: bytes, offset: int, until: float, running: bytes, *, final: bool = False
) -> tuple[bytes, bytes]:
    """The framed record, and the new chain value."""
    until_us = round(until * 1_000_000)
    link = chain(previous, offset, until_us, running)
    body = _CHECKPOINT.pack(offset, until_us, running, link)
    return frame(FINAL if final else CHECKPOINT, body), link


def unpack_checkpoint(body: bytes) -> Checkpoint:
    offset, until_us, running, link = _CHECKPOINT.unpack(body)
    return Checkpoint(offset, until_us / 1_000_000, running, link)


def checkpoint_holds(found: Checkpoint, record: Record, previous: bytes, running: bytes) -> bool:
    """Whether a checkpoint says the truth about the bytes before it and the checkpoint before it."""
    until_us = round(found.until * 1_000_000)
    expected = chain(previous, record.offset, until_us, running)
    return found.offset == record.offset and found.running == running and found.chain == expected


def find_checkpoint(data: bytes) -> bool:
    """Whether a whole checkpoint stands anywhere in these bytes; tells damage from an end that was cut off."""
    length = (_CHECKPOINT.size + 1).to_bytes(4, "big")
    at = data.find(length)
    while at >= 0:
        if checkpoint_at(data, at) is not None:
            return True
        at = data.find(length, at + 1)
    return False


def checkpoint_at(data: bytes, at: int) -> int | None:
    """CHECKPOINT or FINAL, when such a record stands whole at this place."""
    end = at + CHECKPOINT_RECORD
    if len(data) < end:
        return None
    length, crc, type_ = FRAME.unpack_from(data, at)
    whole = length == _CHECKPOINT.size + 1 and type_ in (CHECKPOINT, FINAL)
    return type_ if whole and zlib.crc32(data[at + 8 : end]) == crc else None


def read(file: BinaryIO) -> Iterator[Record | Damage]:
    """All records in order; the last item is a `Damage` when the file does not end with a whole record."""
    magic = file.read(len(MAGIC))
    if magic != MAGIC:
        yield Damage(0, "torn" if MAGIC.startswith(magic) else "damaged")
        return
    at = len(MAGIC)
    while head := file.read(FRAME.size):
        if len(head) < FRAME.size:
            yield Damage(at, "torn")
            return
        length, crc, type_ = FRAME.unpack(head)
        if not 0 < length <= MAX_RECORD:
            yield Damage(at, "damaged")
            return
        body = file.read(length - 1)
        if len(body) < length - 1:
            yield Damage(at, "torn")
            return
        if zlib.crc32(body, zlib.crc32(bytes([type_]))) != crc:
            yield Damage(at, "damaged")
            return
        end = at + FRAME.size + length - 1
        yield Record(at, end, type_, body)
        at = end
