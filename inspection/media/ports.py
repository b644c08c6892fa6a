"""One UDP port for every session of the process.

The server is an ICE-lite agent (RFC 8445 §2.5): it stands on an address that clients can reach, answers their
connectivity checks and sends none of its own, so an address that a client merely names is never probed.
A datagram is told apart by its first byte (RFC 7983). Only an address from which a check has arrived, signed with
the session's own password, may reach DTLS and SRTP; everything else is counted and dropped.
"""

import asyncio
import secrets
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from aioice import stun

from inspection.media.tally import Tally

Address = tuple[str, int]

DRAIN: Final = 64  # datagrams taken per wake-up before other tasks get their turn
SOCKET_BUFFER: Final = 4 << 20
MAX_ADDRESSES: Final = 8  # addresses one session may have proved at a time
MAX_WAITING_HANDSHAKE: Final = 64
ADDRESS_HELD: Final = 5.0  # seconds of quiet after which another session may prove the same address
_COOKIE: Final = b"\x21\x12\xa4\x42"


class IceEndpoint:
    """One client's credentials, the addresses that proved them, and where to send.

    It is also the transport below DTLS: `role`, `_recv` and `_send` are what `RTCDtlsTransport` asks of it.
    """

    role = "controlled"

    def __init__(self, port: "UdpPort", remote_ufrag: str) -> None:
        self.local_ufrag = secrets.token_hex(6)
        self.local_password = secrets.token_hex(16)
        self.remote_ufrag = remote_ufrag
        self.selected: Address | None = None
        self.heard = time.monotonic()  # when anything authenticated last arrived
        self.proved: dict[Address, float] = {}
        self.on_datagram: Callable[[bytes], None] = self.queue_handshake
        self._nominated = False
        self._port = port
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING_HANDSHAKE)
        self._closed = False

    def prove(self, address: Address, nominated: bool) -> None:
        """A signed check came from here. The client's choice (USE-CANDIDATE) decides where we send."""
        self.heard = self.proved[address] = time.monotonic()
        if nominated or not self._nominated:
            self.selected = address
            self._nominated = self._nominated or nominated

    def oldest_address(self) -> Address | None:
        """The address to forget when there are too many; never the one in use."""
        spare = [address for address in self.proved if address != self.selected]
        return min(spare, key=self.proved.__getitem__, default=None)

    def queue_handshake(self, data: bytes) -> None:
        try:
            self._waiting.put_nowait(data)
        except asyncio.QueueFull:
            self._port.tally.count("handshake-queue-full")

    def send(self, data: bytes) -> bool:
        if self.selected is None or self._closed:
            return False
        return self._port.send(data, self.selected)

    async def _recv(self) -> bytes:
        if self._closed and self._waiting.empty():
            raise ConnectionError("session closed")
        data = await self._waiting.get()
        if data is None:
            raise ConnectionError("session closed")
        return data

    async def _send(self, data: bytes) -> None:
        self.send(data)  # lost datagrams are DTLS's own business

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._port.forget(self)
        if self._waiting.full():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)


class UdpPort:
    """The socket, who may be behind which address, and what was dropped."""

    def __init__(self, sock: socket.socket, advertise: Sequence[str], tally: Tally) -> None:
        self._socket = sock
        self._endpoints: dict[str, IceEndpoint] = {}
        self._by_address: dict[Address, IceEndpoint] = {}
        self._loop = asyncio.get_running_loop()
        self.number: int = sock.getsockname()[1]
        self.advertise = tuple(advertise)
        self.tally = tally
        self.received = 0
        self.sent = 0
        self._loop.add_reader(sock.fileno(), self._readable)

    @classmethod
    def open(cls, bind: str, port: int, advertise: Sequence[str], tally: Tally) -> "UdpPort":
        """Binds IPv4. `advertise` are the addresses named to clients: the public one behind a 1:1 NAT, or several."""
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
                sock.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
            sock.bind((bind, port))
            return cls(sock, advertise, tally)
        except BaseException:
            sock.close()
            raise

    def endpoint(self, remote_ufrag: str) -> IceEndpoint:
        endpoint = IceEndpoint(self, remote_ufrag)
        self._endpoints[endpoint.local_ufrag] = endpoint
        return endpoint

    def forget(self, endpoint: IceEndpoint) -> None:
        self._endpoints.pop(endpoint.local_ufrag, None)
        for address in endpoint.proved:
            if self._by_address.get(address) is endpoint:
                del self._by_address[address]

    def candidates(self) -> list[str]:
        """SDP candidate values, the first address preferred (RFC 8445 §5.1.2.1)."""
        lines = []
        for index, host in enumerate(self.advertise):
            priority = (126 << 24) | ((65535 - index) << 8) | 255
            lines.append(f"{index + 1} 1 udp {priority} {host} {self.number} typ host")
        return lines

    def send(self, data: bytes, address: Address) -> bool:
        try:
            self._socket.sendto(data, address)
        except BlockingIOError:
            self.tally.count("send-buffer-full")
            return False
        except OSError as error:  # unreachable network, or a datagram larger than the path takes
            self.tally.count("send-failed", error=error)
            return False
        self.sent += 1
        return True

    def close(self) -> None:
        self._loop.remove_reader(self._socket.fileno())
        for endpoint in list(self._endpoints.values()):
            endpoint.close()
        self._socket.close()

    def _readable(self) -> None:
        receive, by_address = self._socket.recvfrom, self._by_address
        for _ in range(DRAIN):
            try:
                data, address = receive(2048)
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                self.tally.count("receive-failed", error=error)
                return
            self.received += 1
            if not data:
                continue
            if data[0] < 4:
                self._check(data, address)
                continue
            endpoint = by_address.get(address)
            if endpoint is None:
                self.tally.count("source-unknown")
                continue
            try:
                endpoint.on_datagram(data)
            except Exception as error:  # one session's fault must not starve the others
                self.tally.count("datagram-failed", error=error)

    def _check(self, data: bytes, address: Address) -> None:
        if len(data) < 20 or data[4:8] != _COOKIE:
            self.tally.count("stun-malformed")
            return
        try:
            message = stun.parse_message(data)
        except Exception:  # the parser leaks struct.error, IndexError and others for hostile attributes
            self.tally.count("stun-malformed")
            return
        if message.message_class != stun.Class.REQUEST or message.message_method != stun.Method.BINDING:
            self.tally.count("stun-not-a-check")
            return
        local, _, remote = str(message.attributes.get("USERNAME", "")).partition(":")
        endpoint = self._endpoints.get(local)
        if endpoint is None or remote != endpoint.remote_ufrag:
            self.tally.count("stun-user-unknown")  # and no answer: nothing to reflect at a forged source
            return
        key = endpoint.local_password.encode()
        if not message.check_message_integrity(key):
            self.tally.count("stun-unsigned")
            return
        self._answer(message, address, endpoint, key)

    def _answer(self, message: stun.Message, address: Address, endpoint: IceEndpoint, key: bytes) -> None:
        lite_conflict = "ICE-CONTROLLED" in message.attributes  # we never control (RFC 8445 §7.3.1.1)
        if not lite_conflict and not self._learn(endpoint, address, "USE-CANDIDATE" in message.attributes):
            return
        response = stun.Message(
            message_method=stun.Method.BINDING,
            message_class=stun.Class.ERROR if lite_conflict else stun.Class.RESPONSE,
            transaction_id=message.transaction_id,
        )
        if lite_conflict:
            response.attributes["ERROR-CODE"] = (487, "Role Conflict")
        else:
            response.attributes["XOR-MAPPED-ADDRESS"] = address
        response.add_message_integrity(key)
        self.send(bytes(response), address)

    def _learn(self, endpoint: IceEndpoint, address: Address, nominated: bool) -> bool:
        owner = self._by_address.get(address)
        if owner is not None and owner is not endpoint:
            if time.monotonic() - owner.proved.get(address, 0.0) < ADDRESS_HELD:
                self.tally.count("address-taken")
                return False
            owner.proved.pop(address, None)
            if owner.selected == address:
                owner.selected = None
        endpoint.prove(address, nominated)
        self._by_address[address] = endpoint
        if len(endpoint.proved) > MAX_ADDRESSES and (spare := endpoint.oldest_address()) is not None:
            del endpoint.proved[spare]
            self._by_address.pop(spare, None)
        return True
