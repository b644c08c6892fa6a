"""What one publisher sent, as it arrived: the unit handed to recorders."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["audio", "video"]


@dataclass(frozen=True, slots=True)
class Packet:
    """One unique RTP packet, decrypted and out of its RTX wrapping, in the publisher's own numbering.

    `payload` may be empty: padding that used up a sequence number.
    """

    kind: Kind
    codec: str  # "VP8", "H264" or "opus"
    clock_rate: int
    payload_type: int
    sequence: int  # 16 bit, wraps
    timestamp: int  # 32 bit in units of 1/clock_rate, wraps
    marker: bool
    payload: bytes
    arrival: float  # seconds since the epoch, by the plane's clock
