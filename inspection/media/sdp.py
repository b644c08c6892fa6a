"""Offers read with suspicion, answers written by hand (RFC 8829, RFC 8839).

An offer comes from a stranger's browser. Its candidates are not read at all. Whatever the parser does with it, the
caller sees an `Offer` or an `SdpRefusedError`.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from aiortc import sdp as aiortc_sdp
from aiortc.rtcdtlstransport import RTCDtlsFingerprint
from aiortc.rtcrtpparameters import RTCRtpCodecParameters
from aiortc.sdp import MediaDescription, SessionDescription

TRANSPORT_CC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
MAX_BYTES = 64 * 1024
MAX_MEDIA = 16
_UNREAD = ("a=candidate:", "a=end-of-candidates", "a=ssrc:", "a=ssrc-group:", "a=msid:", "a=rid:", "a=simulcast:")
_FEEDBACK = {("nack", None), ("nack", "pli"), ("ccm", "fir"), ("transport-cc", None), ("goog-remb", None)}


class SdpRefusedError(ValueError):
    """The offer cannot be answered. The message is for the log; the person is told `zh` and `en`."""

    code = "sdp-refused"
    zh = "浏览器发来的通话参数无法识别，请刷新页面后重试，或换用最新版浏览器。"
    en = "The browser's call parameters were not understood. Reload the page and try again, or use a current browser."


@dataclass(frozen=True)
class Codec:
    name: str  # "VP8", "H264" or "opus"
    payload_type: int
    clock_rate: int
    rtx: int | None  # payload type of its retransmissions (RFC 4588)
    parameters: str  # the offer's fmtp, handed back unchanged
    feedback: tuple[str, ...]


@dataclass(frozen=True)
class MediaLine:
    mid: str
    kind: str
    profile: str
    formats: str  # as offered, to be repeated when the line is rejected
    wanted: Literal["send", "receive", "none"]  # seen from the client
    codecs: tuple[Codec, ...]  # only those we carry, best first
    transport_cc: int  # header extension id, 0 when not offered


@dataclass(frozen=True)
class Offer:
    ufrag: str
    fingerprints: list[RTCDtlsFingerprint]
    lines: tuple[MediaLine, ...]


@dataclass(frozen=True)
class Answer:
    """What the answer says of one accepted line; `codecs` in our order, `extra` are whole SDP lines."""

    direction: Literal["sendonly", "recvonly"]
    codecs: Sequence[Codec]
    transport_cc: int = 0
    bandwidth_kbps: int | None = None
    codec_hints: str = ""  # further fmtp parameters for video codecs
    extra: Sequence[str] = ()


def read_offer(text: str) -> Offer:
    if not isinstance(text, str) or len(text) > MAX_BYTES:
        raise SdpRefusedError("not text, or too long")
    lines = [line for line in text.splitlines() if not line.startswith(_UNREAD)]
    try:
        parsed = SessionDescription.parse("\r\n".join(lines) + "\r\n")
        bundle_only = ["a=bundle-only" in group for group in aiortc_sdp.grouplines("\n".join(lines))[1]]
    except Exception as error:  # the parser asserts, indexes and looks up as it goes
        raise SdpRefusedError("not an offer that can be parsed") from error
    if not parsed.media or len(parsed.media) > MAX_MEDIA:
        raise SdpRefusedError("no media, or too many lines")
    media = tuple(_line(m, parsed, alone) for m, alone in zip(parsed.media, bundle_only, strict=True))
    ufrag, fingerprints = _security(parsed, media)
    return Offer(ufrag=ufrag, fingerprints=fingerprints, lines=media)


def _line(media: MediaDescription, session: SessionDescription, bundle_only: bool) -> MediaLine:
    mid = media.rtp.muxId
    if not mid or len(mid) > 32 or not mid.isascii() or not mid.isprintable() or " " in mid:
        raise SdpRefusedError("a media line without a usable identifier")
    live = media.port != 0 or bundle_only
    bundled = any(group.semantic == "BUNDLE" and mid in group.items for group in session.group)
    usable = live and media.rtcp_mux and media.kind in ("audio", "video") and (bundled or len(session.media) == 1)
    direction = media.direction or "sendrecv"
    wanted: Literal["send", "receive", "none"] = "none"
    if usable and direction in ("sendonly", "sendrecv"):
        wanted = "send"
    elif usable and direction == "recvonly":
        wanted = "receive"
    extension = next((x.id for x in media.rtp.headerExtensions if x.uri == TRANSPORT_CC and 0 < x.id < 256), 0)
    return MediaLine(
        mid=mid,
        kind=media.kind,
        profile=media.profile,
        formats=" ".join(str(f) for f in media.fmt[:1]),
        wanted=wanted,
        codecs=_codecs(media.rtp.codecs) if usable else (),
        transport_cc=extension,
    )


def _codecs(offered: list[RTCRtpCodecParameters]) -> tuple[Codec, ...]:
    ranked = []
    for codec in offered:
        rank, payload_type = _rank(codec), codec.payloadType
        if rank is None or payload_type is None or not 0 <= payload_type < 128:
            continue
        rtx = next((c.payloadType for c in offered if _is_rtx_of(c, payload_type)), None)
        feedback = tuple(
            f"{f.type} {f.parameter}" if f.parameter else f.type
            for f in codec.rtcpFeedback
            if (f.type, f.parameter or None) in _FEEDBACK
        )
        name = {"vp8": "VP8", "h264": "H264", "opus": "opus"}[codec.name.lower()]
        parameters = aiortc_sdp.parameters_to_sdp(codec.parameters)
        ranked.append((rank, Codec(name, payload_type, codec.clockRate, rtx, parameters, feedback)))
    return tuple(codec for _, codec in sorted(ranked, key=lambda entry: entry[0]))


def _rank(codec: RTCRtpCodecParameters) -> int | None:
    """VP8 first: every browser decodes it. Then H.264 baseline in packetization mode 1; nothing else is carried."""
    name, rate = codec.name.lower(), codec.clockRate
    if name == "opus" and rate == 48000:
        return 0
    if name == "vp8" and rate == 90000:
        return 0
    if name == "h264" and rate == 90000 and str(codec.parameters.get("packetization-mode")) == "1":
        profile = str(codec.parameters.get("profile-level-id", "")).lower()
        if profile.startswith("42e0"):
            return 1
        if profile.startswith("42"):
            return 2
    return None


def _is_rtx_of(codec: RTCRtpCodecParameters, payload_type: int) -> bool:
    if codec.name.lower() != "rtx" or codec.payloadType not in range(128):
        return False
    return codec.parameters.get("apt") == payload_type


def _security(parsed: SessionDescription, lines: Sequence[MediaLine]) -> tuple[str, list[RTCDtlsFingerprint]]:
    """Credentials of the first line in use: with BUNDLE there is one transport for all (RFC 9143)."""
    for media, line in zip(parsed.media, lines, strict=True):
        if line.wanted == "none":
            continue
        ufrag, password = (media.ice.usernameFragment, media.ice.password) if media.ice else (None, None)
        fingerprints = media.dtls.fingerprints if media.dtls else []
        known = [f for f in fingerprints if f.algorithm.lower() in ("sha-256", "sha-384", "sha-512")]
        if not ufrag or not 4 <= len(ufrag) <= 256 or not password:
            raise SdpRefusedError("no ICE credentials")
        if not known or media.dtls is None or media.dtls.role not in ("auto", "client"):
            raise SdpRefusedError("no certificate fingerprint, or the client will not open DTLS")
        return ufrag, known
    raise SdpRefusedError("no line that can be used: audio or video with rtcp-mux, in one bundle")


def write_answer(
    offer: Offer,
    accepted: dict[str, Answer],
    *,
    ufrag: str,
    password: str,
    fingerprint: RTCDtlsFingerprint,
    candidates: Sequence[str],
) -> str:
    """The whole answer; lines not in `accepted` (by mid) are rejected."""
    live = [line.mid for line in offer.lines if line.mid in accepted]
    text = [
        "v=0",
        f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=ice-lite",
        f"a=group:BUNDLE {' '.join(live)}",
        "a=msid-semantic: WMS *",
    ]
    transport = [
        *(f"a=candidate:{value}" for value in candidates),
        "a=end-of-candidates",
        f"a=ice-ufrag:{ufrag}",
        f"a=ice-pwd:{password}",
        f"a=fingerprint:{fingerprint.algorithm} {fingerprint.value}",
        "a=setup:passive",
    ]
    for line in offer.lines:
        answer = accepted.get(line.mid)
        text += _rejected(line) if answer is None else _accepted(line, answer, transport)
    return "\r\n".join(text) + "\r\n"


def _rejected(line: MediaLine) -> list[str]:
    return [f"m={line.kind} 0 {line.profile} {line.formats}", "c=IN IP4 0.0.0.0", "a=inactive", f"a=mid:{line.mid}"]


def _accepted(line: MediaLine, answer: Answer, transport: Sequence[str]) -> list[str]:
    formats = [str(t) for c in answer.codecs for t in (c.payload_type, c.rtx) if t is not None]
    text = [f"m={line.kind} 9 {line.profile} {' '.join(formats)}", "c=IN IP4 0.0.0.0"]
    if answer.bandwidth_kbps is not None:
        text += [f"b=AS:{answer.bandwidth_kbps}", f"b=TIAS:{answer.bandwidth_kbps * 1000}"]
    text += [*transport, f"a=mid:{line.mid}", f"a={answer.direction}", "a=rtcp-mux", "a=rtcp-rsize"]
    if answer.transport_cc:
        text.append(f"a=extmap:{answer.transport_cc} {TRANSPORT_CC}")
    for codec in answer.codecs:
        text += _codec_lines(line.kind, codec, answer.codec_hints)
    return [*text, *answer.extra]


def _codec_lines(kind: str, codec: Codec, hints: str) -> list[str]:
    kind_pt = codec.payload_type
    suffix = "/2" if kind == "audio" else ""
    text = [f"a=rtpmap:{kind_pt} {codec.name}/{codec.clock_rate}{suffix}"]
    text += [f"a=rtcp-fb:{kind_pt} {feedback}" for feedback in codec.feedback]
    parameters = ";".join(part for part in (codec.parameters, hints if kind == "video" else "") if part)
    if parameters:
        text.append(f"a=fmtp:{kind_pt} {parameters}")
    if codec.rtx is not None:
        text += [f"a=rtpmap:{codec.rtx} rtx/{codec.clock_rate}", f"a=fmtp:{codec.rtx} apt={kind_pt}"]
    return text
