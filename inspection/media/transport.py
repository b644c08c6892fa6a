"""DTLS-SRTP for one session: aiortc's handshake, our own packet path.

aiortc hands every packet through a queue and a task. Here media goes straight from the socket to the stream it
belongs to, and only the handshake uses the queue, so there is one path per kind of packet. What is overridden or
read of aiortc is held by `tests/contract/test_aiortc_seams.py`.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Any, cast

import pylibsrtp
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    State,
)
from aiortc.rtcicetransport import RTCIceTransport
from aiortc.rtp import AnyRtcpPacket, RtcpPacket

from inspection.media.ports import IceEndpoint
from inspection.media.tally import Tally

MAX_EARLY = 64  # media that overtakes the last flight of the handshake
MAX_PLAIN = 1356  # libsrtp's buffer in pylibsrtp holds 1500 bytes with its trailer


class MediaTransport(RTCDtlsTransport):
    """The server side of DTLS; SRTP in both directions without a queue."""

    def __init__(
        self,
        endpoint: IceEndpoint,
        tally: Tally,
        *,
        on_rtp: Callable[[bytes], None],
        on_rtcp: Callable[[AnyRtcpPacket], None],
        on_state: Callable[[str], None],
    ) -> None:
        # Duck-typed: RTCDtlsTransport uses only `role`, `_recv` and `_send` of what is below it.
        super().__init__(cast(RTCIceTransport, endpoint), [RTCCertificate.generateCertificate()])
        self._set_role("server")
        self.endpoint = endpoint
        self._tally = tally
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._early: deque[bytes] = deque(maxlen=MAX_EARLY)
        self._starting: asyncio.Task[None] | None = None
        self.received_bytes = 0
        self.sent_bytes = 0
        endpoint.on_datagram = self._on_datagram
        self._on_state = on_state
        self.on("statechange", self._tell)

    @property
    def fingerprint(self) -> RTCDtlsFingerprint:
        return next(f for f in self.getLocalParameters().fingerprints if f.algorithm == "sha-256")

    def begin(self, fingerprints: list[RTCDtlsFingerprint]) -> None:
        """Waits, in a task of its own, for the client's ClientHello."""
        self._starting = asyncio.create_task(self._begin(RTCDtlsParameters(fingerprints=fingerprints, role="client")))

    async def _begin(self, remote: RTCDtlsParameters) -> None:
        try:
            await self.start(remote)
        except Exception as error:  # OpenSSL on hostile input; the session just fails
            self._tally.count("handshake-failed", error=error)
            self._set_state(State.FAILED)

    async def close(self) -> None:
        if self._starting is not None and not self._starting.done():
            self._starting.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._starting
        await self.stop()
        self.endpoint.close()
        self._set_state(State.CLOSED)

    def send_rtp(self, data: bytes) -> bool:
        if self._state is not State.CONNECTED or len(data) > MAX_PLAIN:
            return False
        self.sent_bytes += len(data)
        return self.endpoint.send(self._tx_srtp.protect(data))

    def send_rtcp(self, packet: AnyRtcpPacket | bytes) -> bool:
        data = bytes(packet)
        if self._state is not State.CONNECTED or len(data) > MAX_PLAIN:
            return False
        return self.endpoint.send(self._tx_srtp.protect_rtcp(data))

    def _tell(self) -> None:
        self._on_state(self.state)
        while self._early and self._state is State.CONNECTED:
            self._media(self._early.popleft())

    def _on_datagram(self, data: bytes) -> None:
        first = data[0]
        if 127 < first < 192:
            if self._state is not State.CONNECTED:
                self._early.append(data)
            else:
                self._media(data)
        elif 19 < first < 64:
            self.endpoint.queue_handshake(data)
        else:
            self._tally.count("datagram-unknown-kind")

    def _media(self, data: bytes) -> None:
        try:
            if len(data) > 1 and 191 < data[1] < 224:  # RFC 5761 §4
                self._rtcp(self._rx_srtp.unprotect_rtcp(data))
                return
            plain = self._rx_srtp.unprotect(data)
        except (pylibsrtp.Error, ValueError, TypeError):  # also what does not fit libsrtp's buffer
            self._tally.count("srtp-refused")
            return
        self.received_bytes += len(plain)
        self._on_rtp(plain)

    def _rtcp(self, plain: bytes) -> None:
        try:
            packets: list[Any] = list(RtcpPacket.parse(plain))
        except Exception:  # as with STUN: hostile lengths surface as more than ValueError
            self._tally.count("rtcp-malformed")
            return
        for packet in packets:
            self._on_rtcp(packet)
