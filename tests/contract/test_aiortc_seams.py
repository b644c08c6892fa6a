"""What the media plane takes from the inside of aiortc and aioice. A release that changes it fails here, by name."""

import inspect
import struct
from importlib.metadata import version

import pylibsrtp
import pytest
from aioice import stun
from aiortc.codecs import get_encoder
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport, State
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, pack_remb_fci, unpack_remb_fci
from aiortc.sdp import SessionDescription, grouplines


def test_the_versions_are_those_that_were_studied() -> None:
    assert (version("aiortc"), version("aioice"), version("pylibsrtp")) == ("1.16.0", "0.13.0", "1.0.0")


class _Below:
    role = "controlled"

    async def _recv(self) -> bytes:
        raise ConnectionError

    async def _send(self, data: bytes) -> None:
        """Nobody listens."""


async def test_dtls_needs_only_a_role_and_two_coroutines_below_it() -> None:
    told: list[str] = []
    transport = RTCDtlsTransport(_Below(), [RTCCertificate.generateCertificate()])  # type: ignore[arg-type]
    transport.on("statechange", lambda: told.append(transport.state))
    transport._set_role("server")
    assert transport._role == "server"
    assert transport._state is State.NEW
    assert transport._rx_srtp is None
    assert transport._tx_srtp is None
    assert "sha-256" in {f.algorithm for f in transport.getLocalParameters().fingerprints}
    transport._set_state(State.FAILED)
    transport._set_state(State.FAILED)
    assert told == ["failed"]


def test_the_handshake_checks_the_peer_before_it_makes_keys_and_says_connected_after() -> None:
    source = inspect.getsource(RTCDtlsTransport.start)
    steps = ["_do_handshake()", "_validate_peer_identity(", "_setup_srtp()", "State.CONNECTED"]
    places = [source.index(step) for step in steps]
    assert places == sorted(places)
    between = source[source.index("self._setup_srtp()") : source.index("State.CONNECTED")]
    assert "await" not in between  # no packet can arrive between the keys and the state


def test_datagrams_are_pulled_one_by_one_from_recv() -> None:
    assert "await self.transport._recv()" in inspect.getsource(RTCDtlsTransport._recv_next)
    assert "await self.transport._send(data)" in inspect.getsource(RTCDtlsTransport._write_ssl)


def test_libsrtp_sessions_protect_and_unprotect_bytes_and_raise_their_own_error() -> None:
    key = bytes(range(30))
    out = pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND))
    back = pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=pylibsrtp.Policy.SSRC_ANY_INBOUND))
    plain = struct.pack("!BBHII", 0x80, 96, 1, 2, 3) + bytes(1340)
    assert back.unprotect(out.protect(plain)) == plain
    with pytest.raises(pylibsrtp.Error):
        back.unprotect(b"\x80" * 40)


def test_the_stun_parser_still_lets_other_errors_than_value_error_out() -> None:
    """The reason for the broad `except` in ports.py; if this fails, it may become narrow."""
    attribute = struct.pack("!HH", 0x0024, 1) + b"x" + bytes(3)
    head = struct.pack("!HHI", 1, len(attribute), stun.COOKIE) + bytes(12)
    with pytest.raises(struct.error):
        stun.parse_message(head + attribute)


def test_a_stun_message_can_be_made_signed_and_read() -> None:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes.update({"USERNAME": "here:there", "PRIORITY": 1, "ICE-CONTROLLING": 2, "USE-CANDIDATE": None})
    request.add_message_integrity(b"key")
    read = stun.parse_message(bytes(request))
    assert read.attributes["USERNAME"] == "here:there"
    assert "USE-CANDIDATE" in read.attributes
    assert read.check_message_integrity(b"key")
    assert not read.check_message_integrity(b"other")
    answer = stun.Message(
        message_method=stun.Method.BINDING, message_class=stun.Class.RESPONSE, transaction_id=request.transaction_id
    )
    answer.attributes["XOR-MAPPED-ADDRESS"] = ("192.0.2.1", 9)
    answer.add_message_integrity(b"key")
    assert stun.parse_message(bytes(answer)).attributes["XOR-MAPPED-ADDRESS"] == ("192.0.2.1", 9)


def test_rtcp_is_parsed_into_the_classes_we_match_on() -> None:
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[3, 65535])
    remb = RtcpPsfbPacket(fmt=15, ssrc=1, media_ssrc=0, fci=pack_remb_fci(548_000, [2]))
    first, second = RtcpPacket.parse(bytes(nack) + bytes(remb))
    assert isinstance(first, RtcpRtpfbPacket)
    assert first.lost == [3, 65535]
    assert isinstance(second, RtcpPsfbPacket)
    assert unpack_remb_fci(second.fci) == (548_000, [2])


def test_a_nack_that_wraps_cannot_be_packed() -> None:
    """The reason for sorting in ingest.py."""
    with pytest.raises(ValueError, match="negative shift"):
        bytes(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=2, lost=[65535, 0]))


def test_sdp_parsing_offers_what_we_read_of_it() -> None:
    text = "v=0\r\no=- 1 2 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"
    text += (
        "a=mid:0\r\na=rtcp-mux\r\na=setup:actpass\r\na=ice-ufrag:abcd\r\na=ice-pwd:x\r\na=rtpmap:111 opus/48000/2\r\n"
    )
    parsed = SessionDescription.parse(text)
    [media] = parsed.media
    assert (media.rtp.muxId, media.rtcp_mux, media.port, media.fmt) == ("0", True, 9, [111])
    assert media.dtls is not None
    assert media.dtls.role == "auto"
    assert parsed.group[0].items == ["0"]
    assert len(grouplines(text)[1]) == 1


def test_encoders_pack_what_is_already_encoded() -> None:
    """The tests' phones send pre-encoded clips this way."""
    codec = RTCRtpCodecParameters(mimeType="video/VP8", clockRate=90000, payloadType=96)
    assert hasattr(get_encoder(codec), "pack")
