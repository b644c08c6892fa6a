"""What must be known of a codec's RTP payload without decoding it: VP8 (RFC 7741) and H.264 (RFC 6184)."""

START_CODE = b"\x00\x00\x00\x01"
_STAP_A, _FU_A = 24, 28
_NAL_IDR, _NAL_SPS, _NAL_PPS = 5, 7, 8


class PayloadMalformedError(ValueError):
    code = "payload-malformed"


def vp8_descriptor_length(payload: bytes) -> int:
    """Length of the payload descriptor that stands before the VP8 data."""
    if not payload:
        raise PayloadMalformedError("empty VP8 payload")
    length = 1
    if payload[0] & 0x80:
        if len(payload) < 3:
            raise PayloadMalformedError("VP8 descriptor cut off")
        extension = payload[1]
        length = 2
        if extension & 0x80:
            length += 2 if payload[2] & 0x80 else 1
        if extension & 0x40:
            length += 1
        if extension & 0x30:
            length += 1
    if length > len(payload):
        raise PayloadMalformedError("VP8 descriptor cut off")
    return length


def starts_frame(codec: str, payload: bytes) -> bool:
    """Whether a decoder may begin a picture with this packet."""
    if not payload:
        return False
    if codec == "VP8":
        return payload[0] & 0x17 == 0x10  # start of partition 0
    if codec == "H264":
        kind = payload[0] & 0x1F
        if kind == _FU_A:
            return len(payload) > 1 and bool(payload[1] & 0x80)
        return 1 <= kind <= _STAP_A
    return True


def starts_keyframe(codec: str, payload: bytes) -> bool:
    """Whether a picture that needs no other picture begins here; audio always does.

    H.264: only where the parameter sets stand, since a decoder that joins needs them (RFC 6184 §8.4).
    """
    if codec == "VP8":
        return starts_frame(codec, payload) and _vp8_is_key(payload)
    if codec == "H264":
        if payload and payload[0] & 0x1F == _STAP_A:
            return any(nal[0] & 0x1F == _NAL_SPS for nal in _stap_units(payload) if nal)
        return bool(payload) and payload[0] & 0x1F == _NAL_SPS
    return True


def _vp8_is_key(payload: bytes) -> bool:
    try:
        at = vp8_descriptor_length(payload)
    except PayloadMalformedError:
        return False
    return at < len(payload) and not payload[at] & 0x01


def depayload(codec: str, payload: bytes) -> bytes:
    """The codec's own bytes: VP8 partition data, H.264 as Annex B, opus unchanged."""
    if codec == "VP8":
        return payload[vp8_descriptor_length(payload) :]
    if codec == "H264":
        return _h264_annex_b(payload)
    return payload


def _h264_annex_b(payload: bytes) -> bytes:
    if len(payload) < 2:
        raise PayloadMalformedError("H.264 payload cut off")
    kind = payload[0] & 0x1F
    if 1 <= kind <= 23:
        return START_CODE + payload
    if kind == _STAP_A:
        return b"".join(START_CODE + nal for nal in _stap_units(payload))
    if kind == _FU_A:
        header = payload[1]
        if header & 0x80:
            return START_CODE + bytes([payload[0] & 0xE0 | header & 0x1F]) + payload[2:]
        return payload[2:]
    raise PayloadMalformedError("H.264 packet type not negotiated")


def _stap_units(payload: bytes) -> list[bytes]:
    units, at = [], 1
    while at + 2 <= len(payload):
        size = (payload[at] << 8) | payload[at + 1]
        at += 2
        if at + size > len(payload):
            break
        units.append(payload[at : at + size])
        at += size
    return units


def is_keyframe(codec: str, frame: bytes) -> bool:
    """Whether an assembled frame can be decoded by itself."""
    if codec == "VP8":
        return bool(frame) and not frame[0] & 0x01
    if codec == "H264":
        return {_NAL_SPS, _NAL_PPS, _NAL_IDR} <= _nal_types(frame)
    return True


def _nal_types(frame: bytes) -> set[int]:
    found: set[int] = set()
    at = frame.find(START_CODE)
    while 0 <= at < len(frame) - 4:
        found.add(frame[at + 4] & 0x1F)
        at = frame.find(START_CODE, at + 4)
    return found


def vp8_size(keyframe: bytes) -> tuple[int, int]:
    """Width and height from a VP8 key frame's header (RFC 6386 §9.1)."""
    if len(keyframe) < 10 or keyframe[3:6] != b"\x9d\x01\x2a":
        raise PayloadMalformedError("not a VP8 key frame")
    return int.from_bytes(keyframe[6:8], "little") & 0x3FFF, int.from_bytes(keyframe[8:10], "little") & 0x3FFF
