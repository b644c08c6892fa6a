"""RTP headers read and written as bytes (RFC 3550 §5.1, RFC 8285): no object per packet on the forwarding path."""

import struct
from typing import NamedTuple

HEADER = struct.Struct("!BBHII")
_EXTENSION = struct.Struct("!HH")
ONE_BYTE_PROFILE = 0xBEDE


class Header(NamedTuple):
    payload_type: int
    marker: int  # 0x80 or 0, as it stands in the second byte
    sequence: int
    timestamp: int
    ssrc: int
    transport_sequence: int | None  # transport-wide congestion control number
    payload: bytes


class RtpMalformedError(ValueError):
    code = "rtp-malformed"


def parse(data: bytes, transport_sequence_id: int) -> Header:
    """Splits a decrypted packet; `transport_sequence_id` is the negotiated extension id, 0 for none."""
    size = len(data)
    if size < 12:
        raise RtpMalformedError("shorter than a header")
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise RtpMalformedError("not version 2")
    start = 12 + 4 * (first & 0x0F)
    transport_sequence = None
    if first & 0x10:
        if start + 4 > size:
            raise RtpMalformedError("extension header cut off")
        profile, words = _EXTENSION.unpack_from(data, start)
        begin, start = start + 4, start + 4 + 4 * words
        if start > size:
            raise RtpMalformedError("extensions cut off")
        if transport_sequence_id:
            transport_sequence = _find_uint16(data, begin, start, profile, transport_sequence_id)
    end = size - data[-1] if first & 0x20 else size
    if end < start:
        raise RtpMalformedError("padding longer than the packet")
    return Header(second & 0x7F, second & 0x80, sequence, timestamp, ssrc, transport_sequence, data[start:end])


def _find_uint16(data: bytes, at: int, end: int, profile: int, wanted: int) -> int | None:
    one_byte = profile == ONE_BYTE_PROFILE
    if not one_byte and profile & 0xFFF0 != 0x1000:
        return None
    while at < end:
        lead = data[at]
        if lead == 0:  # padding between elements
            at += 1
            continue
        if one_byte:
            identifier, length, at = lead >> 4, (lead & 0x0F) + 1, at + 1
            if identifier == 15:  # RFC 8285 §4.2: stop here
                return None
        else:
            if at + 1 >= end:
                return None
            identifier, length, at = lead, data[at + 1], at + 2
        if identifier == wanted:
            return (data[at] << 8) | data[at + 1] if length >= 2 and at + 2 <= end else None
        at += length
    return None


def signed16(difference: int) -> int:
    """The shortest way from one 16-bit number to another: -32768 … 32767."""
    return ((difference + 0x8000) & 0xFFFF) - 0x8000


def signed32(difference: int) -> int:
    return ((difference + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000
