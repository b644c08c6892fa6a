"""RTP headers: what is read of them, and that no bytes do harm."""

import struct

import pytest
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import HeaderExtensionsMap, RtpPacket
from hypothesis import given
from hypothesis import strategies as st

from inspection.media.rtp import RtpMalformedError, parse, signed16, signed32
from inspection.media.sdp import TRANSPORT_CC


def _packet(identifier: int, number: int) -> bytes:
    made = RtpPacket(payload_type=96, marker=1, sequence_number=65535, timestamp=7, ssrc=9, payload=b"picture")
    made.extensions.transport_sequence_number = number
    known = HeaderExtensionsMap()
    extension = RTCRtpHeaderExtensionParameters(id=identifier, uri=TRANSPORT_CC)
    known.configure(RTCRtpParameters(headerExtensions=[extension]))
    return made.serialize(known)


@pytest.mark.parametrize("identifier", [5, 200])  # one-byte and two-byte form
def test_the_transport_wide_number_is_found_in_either_form(identifier: int) -> None:
    header = parse(_packet(identifier, 4711), identifier)
    assert header.transport_sequence == 4711
    assert (header.payload_type, header.marker, header.sequence) == (96, 0x80, 65535)
    assert (header.timestamp, header.ssrc, header.payload) == (7, 9, b"picture")
    assert parse(_packet(identifier, 4711), 0).transport_sequence is None


def test_padding_is_taken_off() -> None:
    plain = struct.pack("!BBHII", 0xA0, 96, 1, 2, 3) + b"abc" + b"\0\0\3"
    assert parse(plain, 0).payload == b"abc"


@given(st.binary(max_size=200), st.integers(0, 255))
def test_any_bytes_are_a_packet_or_malformed(data: bytes, identifier: int) -> None:
    try:
        header = parse(data, identifier)
    except RtpMalformedError:
        return
    assert len(header.payload) <= len(data) - 12


@pytest.mark.parametrize(("step", "signed"), [(1, 1), (0xFFFF, -1), (0x8000, -0x8000), (0x7FFF, 0x7FFF)])
def test_numbers_wrap_the_short_way_round(step: int, signed: int) -> None:
    assert signed16(step) == signed
    assert signed32(step << 16) == signed << 16
