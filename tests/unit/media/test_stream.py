"""One stream in, one line out: numbers, repeats, key frames and switches, packet by packet."""

import itertools
from typing import Any

import pytest
from aiortc.rtp import RTCP_PSFB_FIR, RtcpPacket, RtcpPsfbPacket, RtcpRrPacket, RtcpRtpfbPacket, RtpPacket

from inspection.media.egress import Egress
from inspection.media.ingest import Ingest
from inspection.media.packet import Packet
from inspection.media.rtp import Header
from inspection.media.sdp import Codec
from inspection.media.tally import Tally

VP8 = Codec("VP8", 96, 90000, 97, "", ())
KEY, DELTA, MORE = b"\x10\x00key", b"\x10\x01delta", b"\x00more"


class _Phone:
    """The far end of an ingest: what it is told, and packets in its numbering."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.tally = Tally()
        self.ingest = Ingest("video", VP8, self._tell, self.tally, clock=lambda: 12.5)

    def _tell(self, packet: Any) -> bool:
        self.told += RtcpPacket.parse(bytes(packet))
        return True

    def send(self, sequence: int, payload: bytes, now: float = 0.0, *, ssrc: int = 7) -> None:
        self.ingest.accept(Header(96, 0x80, sequence & 0xFFFF, sequence * 3000, ssrc, None, payload), now)

    def repeat(self, sequence: int, payload: bytes) -> None:
        osn = (sequence & 0xFFFF).to_bytes(2, "big")
        self.ingest.accept_repair(Header(97, 0x80, 1, sequence * 3000, 8, None, osn + payload), 0.0)

    def asked_again(self) -> list[int]:
        return [number for packet in self.told if isinstance(packet, RtcpRtpfbPacket) for number in packet.lost]

    def asked_for_keyframes(self) -> int:
        return sum(isinstance(packet, RtcpPsfbPacket) for packet in self.told)


class _Viewer:
    def __init__(self, types: dict[str, tuple[int, int | None]] | None = None) -> None:
        self.got: list[RtpPacket] = []
        self.reports: list[Any] = []
        chosen = {"VP8": (120, 121)} if types is None else types
        self.line = Egress("video", "0", chosen, self._rtp, self._rtcp)

    def _rtp(self, data: bytes) -> bool:
        self.got.append(RtpPacket.parse(data))
        return True

    def _rtcp(self, data: bytes) -> bool:
        self.reports += RtcpPacket.parse(data)
        return True

    def payloads(self) -> list[bytes]:
        return [packet.payload for packet in self.got]


@pytest.fixture
def phone() -> _Phone:
    return _Phone()


def test_a_missing_packet_is_asked_for_and_its_repeat_takes_its_place(phone: _Phone) -> None:
    recorded: list[Packet] = []
    phone.ingest.tap(recorded.append)
    for sequence in (65534, 65535, 1):
        phone.send(sequence, KEY)
    assert phone.asked_again() == [0]
    phone.repeat(65536, MORE)
    phone.repeat(65536, MORE)
    phone.send(1, KEY)
    assert [p.sequence for p in recorded] == [65534, 65535, 1, 0]
    assert recorded[-1].payload == MORE
    assert recorded[-1].arrival == 12.5
    assert phone.ingest.repaired == 1
    assert phone.tally["rtp-duplicate-or-late"] == 2


def test_a_loss_across_the_wrap_of_the_numbers_is_asked_for_whole(phone: _Phone) -> None:
    phone.send(65533, KEY)
    phone.send(65539, DELTA)
    assert sorted(phone.asked_again()) == [0, 1, 2, 65534, 65535]


def test_a_long_loss_is_asked_for_in_packets_that_fit(phone: _Phone) -> None:
    phone.send(0, KEY)
    for sequence in range(17, 17 * 60, 17):
        phone.send(sequence, DELTA)
    phone.told.clear()
    phone.ingest.tick(0.5)
    assert len(phone.asked_again()) > 500
    assert all(len(bytes(packet)) < 1300 for packet in phone.told)


def test_what_never_comes_is_given_up_and_a_key_frame_asked_for(phone: _Phone) -> None:
    phone.send(1, KEY)
    phone.send(3, DELTA)
    phone.ingest.tick(0.5)
    assert phone.asked_for_keyframes() == 0
    phone.ingest.tick(1.5)
    assert phone.asked_for_keyframes() == 1
    assert phone.ingest.lost == 1
    assert phone.asked_again() == [2, 2]


def test_key_frames_are_asked_for_until_one_comes_but_not_in_a_flood(phone: _Phone) -> None:
    phone.send(1, DELTA)
    for _ in range(50):
        phone.ingest.request_keyframe()
    assert phone.asked_for_keyframes() == 1
    phone.ingest.tick(1e9)
    assert phone.asked_for_keyframes() == 2
    phone.send(2, KEY)
    phone.ingest.tick(2e9)
    assert phone.asked_for_keyframes() == 2


def test_a_receiver_report_tells_the_share_that_was_lost(phone: _Phone) -> None:
    for sequence in (0, 1, 2, 3, 6, 7):
        phone.send(sequence, KEY)
    phone.ingest.report_reception(1.0)
    [report] = [p.reports[0] for p in phone.told if isinstance(p, RtcpRrPacket)]
    assert (report.packets_lost, report.fraction_lost, report.highest_sequence) == (2, 64, 7)


def test_a_viewer_begins_with_a_key_frame(phone: _Phone) -> None:
    viewer = _Viewer()
    viewer.line.attach(phone.ingest)
    phone.send(1, DELTA)
    phone.send(2, KEY)
    phone.send(3, MORE)
    phone.send(1, DELTA)
    assert viewer.payloads() == [KEY, MORE]
    assert {(p.payload_type, p.ssrc) for p in viewer.got} == {(120, viewer.line.ssrc)}
    assert phone.asked_for_keyframes() == 1


def test_another_source_goes_on_in_the_viewers_numbers_from_its_key_frame(phone: _Phone) -> None:
    other, viewer = _Phone(), _Viewer()
    viewer.line.attach(phone.ingest)
    phone.send(100, KEY)
    phone.send(101, DELTA)
    viewer.line.attach(other.ingest)
    phone.send(102, DELTA)
    other.send(9000, DELTA)
    other.send(9001, KEY)
    other.send(9002, MORE)
    first, *rest = viewer.got
    assert viewer.payloads() == [KEY, DELTA, KEY, MORE]
    assert [(p.sequence_number - first.sequence_number) & 0xFFFF for p in rest] == [1, 2, 3]
    assert [0 < (p.timestamp - first.timestamp) & 0xFFFFFFFF < 90000 for p in rest] == [True] * 3
    assert {p.ssrc for p in viewer.got} == {first.ssrc}


def test_a_publisher_whose_numbers_begin_anew_is_followed(phone: _Phone) -> None:
    viewer = _Viewer()
    viewer.line.attach(phone.ingest)
    phone.send(100, KEY)
    phone.send(5, KEY, ssrc=99)
    phone.send(6, MORE, ssrc=99)
    assert viewer.payloads() == [KEY, KEY, MORE]
    numbers = [p.sequence_number for p in viewer.got]
    assert [(b - a) & 0xFFFF for a, b in itertools.pairwise(numbers)] == [1, 1]


def test_a_viewer_gets_lost_packets_again_within_reason(phone: _Phone) -> None:
    viewer = _Viewer()
    viewer.line.attach(phone.ingest)
    for sequence in range(600):
        phone.send(sequence, KEY if sequence == 0 else MORE)
    lost = [packet.sequence_number for packet in viewer.got[100:600]]
    viewer.got.clear()
    nack = RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=viewer.line.ssrc, lost=lost)
    viewer.line.on_rtcp(nack)
    viewer.line.on_rtcp(nack)
    assert len(viewer.got) == 400
    assert {(p.payload_type, p.ssrc) for p in viewer.got} == {(121, viewer.line.rtx_ssrc)}
    assert [int.from_bytes(p.payload[:2], "big") for p in viewer.got] == lost[:400]


def test_a_viewer_without_retransmission_format_gets_the_packet_itself(phone: _Phone) -> None:
    viewer = _Viewer({"VP8": (120, None)})
    viewer.line.attach(phone.ingest)
    phone.send(1, KEY)
    [packet] = viewer.got
    viewer.line.on_rtcp(RtcpRtpfbPacket(fmt=1, ssrc=1, media_ssrc=viewer.line.ssrc, lost=[packet.sequence_number]))
    assert viewer.got[1].serialize() == packet.serialize()


def test_a_viewer_that_lacks_the_codec_gets_nothing_rather_than_noise(phone: _Phone) -> None:
    viewer = _Viewer({"H264": (102, None)})
    viewer.line.attach(phone.ingest)
    phone.send(1, KEY)
    assert viewer.got == []


def test_a_full_intra_request_reaches_the_phone_when_it_names_this_line(phone: _Phone) -> None:
    viewer = _Viewer()
    phone.send(1, KEY)
    viewer.line.attach(phone.ingest)
    phone.send(2, KEY)
    before = phone.asked_for_keyframes()
    for ssrc in (viewer.line.ssrc ^ 1, viewer.line.ssrc):
        fci = ssrc.to_bytes(4, "big") + bytes(4)
        viewer.line.on_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=fci))
    phone.ingest.tick(1e9)
    assert phone.asked_for_keyframes() == before + 1


def test_the_publishers_clock_is_passed_on_for_lip_sync(phone: _Phone) -> None:
    from aiortc.rtp import RtcpSenderInfo, RtcpSrPacket

    viewer = _Viewer()
    viewer.line.attach(phone.ingest)
    phone.send(10, KEY)
    info = RtcpSenderInfo(ntp_timestamp=5 << 32, rtp_timestamp=30_000, packet_count=1, octet_count=1)
    phone.ingest.on_rtcp(RtcpSrPacket(ssrc=7, sender_info=info), now=100.0)
    viewer.line.report(102.0, "camera")
    sent = viewer.reports[0].sender_info
    assert sent.ntp_timestamp == 7 << 32
    assert (sent.rtp_timestamp - viewer.got[0].timestamp) & 0xFFFFFFFF == 2 * 90000
