"""Offers of the browsers in the field, odd ones, and hostile ones."""

import pytest
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from inspection.media.sdp import TRANSPORT_CC, Answer, SdpRefusedError, read_offer, write_answer

FINGERPRINT = "sha-256 " + ":".join(["AB"] * 32)
SECURITY = f"a=ice-ufrag:abcd\r\na=ice-pwd:{'p' * 24}\r\na=fingerprint:{FINGERPRINT}\r\na=setup:actpass\r\n"
HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\r\nc=IN IP4 0.0.0.0\r\n"
    "a=candidate:1 1 udp 2122260223 192.168.1.7 50000 typ host\r\na=candidate:nonsense\r\n"
    + SECURITY
    + f"a=mid:0\r\na=extmap:3 {TRANSPORT_CC}\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    "a=rtcp-fb:111 transport-cc\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:0 PCMU/8000\r\n"
)
VIDEO_HEAD = "a=mid:1\r\na=sendonly\r\na=rtcp-mux\r\n"
VP8 = (
    "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 goog-remb\r\na=rtcp-fb:96 transport-cc\r\na=rtcp-fb:96 ccm fir\r\n"
    "a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
)
H264 = (
    "a=rtpmap:102 H264/90000\r\n"
    "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f\r\n"
    "a=rtpmap:104 H264/90000\r\n"
    "a=fmtp:104 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n"
    "a=rtpmap:106 H264/90000\r\n"
    "a=fmtp:106 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n"
    "a=rtpmap:107 rtx/90000\r\na=fmtp:107 apt=106\r\n"
)
CHROMIUM = HEAD + AUDIO + "m=video 9 UDP/TLS/RTP/SAVPF 102 104 106 107 96 97\r\n" + SECURITY + VIDEO_HEAD + H264 + VP8
FIREFOX = HEAD + AUDIO + "m=video 0 UDP/TLS/RTP/SAVPF 96 97\r\n" + SECURITY + "a=bundle-only\r\n" + VIDEO_HEAD + VP8
SAFARI_WITHOUT_VP8 = HEAD + AUDIO + "m=video 9 UDP/TLS/RTP/SAVPF 102 104 106 107\r\n" + SECURITY + VIDEO_HEAD + H264


def test_vp8_is_taken_before_h264_whatever_the_order_of_the_offer() -> None:
    audio, video = read_offer(CHROMIUM).lines
    assert [c.name for c in audio.codecs] == ["opus"]
    assert [(c.name, c.payload_type, c.rtx) for c in video.codecs] == [
        ("VP8", 96, 97),
        ("H264", 106, 107),
        ("H264", 104, None),
    ]
    assert (audio.transport_cc, audio.wanted, video.wanted) == (3, "send", "send")
    assert "nack pli" in video.codecs[0].feedback


def test_firefox_bundles_the_second_line_on_port_zero() -> None:
    assert [line.wanted for line in read_offer(FIREFOX).lines] == ["send", "send"]


def test_h264_is_taken_when_it_is_all_there_is() -> None:
    assert read_offer(SAFARI_WITHOUT_VP8).lines[1].codecs[0].payload_type == 106


def test_a_line_on_port_zero_is_a_rejected_one() -> None:
    offer = read_offer(FIREFOX.replace("a=bundle-only\r\n", ""))
    assert [line.wanted for line in offer.lines] == ["send", "none"]


def test_an_answer_can_be_read_by_the_other_side_and_rejects_what_is_not_accepted() -> None:
    offer = read_offer(CHROMIUM)
    text = write_answer(
        offer,
        {"1": Answer("recvonly", offer.lines[1].codecs[:1], 3, 1500, "x-google-start-bitrate=500")},
        ufrag="local",
        password="q" * 32,
        fingerprint=RTCDtlsFingerprint("sha-256", ":".join(["CD"] * 32)),
        candidates=["1 1 udp 2113937151 203.0.113.9 40000 typ host"],
    )
    audio, video = SessionDescription.parse(text).media
    assert (audio.port, audio.direction) == (0, "inactive")
    assert video.direction == "recvonly"
    assert video.ice is not None
    assert video.ice.iceLite
    assert [(c.ip, c.port) for c in video.ice_candidates] == [("203.0.113.9", 40000)]
    assert [c.payloadType for c in video.rtp.codecs] == [96, 97]
    assert video.rtp.codecs[0].parameters == {"x-google-start-bitrate": "500"}
    assert "a=group:BUNDLE 1\r\n" in text
    assert "b=TIAS:1500000" in text
    assert "192.168.1.7" not in text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        HEAD,
        CHROMIUM.replace("a=ice-ufrag:abcd", "a=x"),
        CHROMIUM.replace("a=ice-pwd", "a=x"),
        CHROMIUM.replace("a=fingerprint", "a=x"),
        CHROMIUM.replace("sha-256", "md5"),
        CHROMIUM.replace("actpass", "passive"),
        CHROMIUM.replace("a=setup:actpass", "a=setup:nonsense"),
        CHROMIUM.replace("a=rtcp-mux", "a=x"),
        CHROMIUM.replace("BUNDLE 0 1", "LS 0 1"),
        CHROMIUM.replace("a=mid:0", "a=mid:a b"),
        CHROMIUM.replace("a=mid:0", "a=x"),
        CHROMIUM.replace("111 opus/48000/2", "111 opus"),
        CHROMIUM.replace("a=fmtp:97 apt=96", "a=fmtp:97 apt=x"),
        CHROMIUM.replace("m=audio 9", "m=audio x"),
        CHROMIUM + "a=x\r\n" * 20_000,
        HEAD + AUDIO * 17,
    ],
)
def test_what_cannot_be_answered_is_refused(text: str) -> None:
    with pytest.raises(SdpRefusedError):
        read_offer(text)


@given(st.data())
def test_a_mangled_offer_is_read_or_refused(data: st.DataObject) -> None:
    lines = CHROMIUM.split("\r\n")
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        cut = data.draw(st.integers(0, len(lines[at])))
        lines[at] = lines[at][:cut] + data.draw(st.text(max_size=8)) + lines[at][cut:][data.draw(st.integers(0, 9)) :]
    try:
        read_offer("\r\n".join(lines))
    except SdpRefusedError as refused:
        assert refused.code == "sdp-refused"
