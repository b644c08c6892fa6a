"""Strangers on the port: counted and dropped, the call goes on, the loop sees no exception."""

import asyncio
import os
import random
import socket
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from aioice import stun
from OpenSSL import SSL

from inspection.media.plane import MediaPlane
from tests.integration.media.clip import Clip
from tests.integration.media.peers import Desk, Phone, States


def _client_hello() -> bytes:
    connection = SSL.Connection(SSL.Context(SSL.DTLS_METHOD))
    connection.set_connect_state()
    with pytest.raises(SSL.WantReadError):
        connection.do_handshake()
    return connection.bio_read(1500)


class _Stranger:
    """Another local socket that knows the port."""

    def __init__(self, port: int) -> None:
        self._to = ("127.0.0.1", port)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)

    async def spray(self, datagrams: list[bytes]) -> None:
        for number, data in enumerate(datagrams):
            self.socket.sendto(data, self._to)
            if number % 20 == 19:
                await asyncio.sleep(0)

    def answers(self) -> int:
        count = 0
        while True:
            try:
                self.socket.recv(2048)
            except BlockingIOError:
                return count
            count += 1


@pytest.fixture
def stranger(plane: MediaPlane) -> Iterator[_Stranger]:
    made = _Stranger(plane.port)
    yield made
    made.socket.close()


async def test_a_spray_of_client_hellos_breaks_no_call(plane: MediaPlane, clip: Clip, stranger: _Stranger) -> None:
    hello = _client_hello()
    desk, phone = Desk(), Phone(clip)
    spraying = asyncio.create_task(stranger.spray([hello] * 2000))
    await desk.subscribe(plane, "room", "desk")
    await phone.publish(plane, "room", "phone")
    await desk.until(lambda: len(desk.got["0"]) > 20)
    await spraying
    await stranger.spray([hello, os.urandom(100), b"\x80" + os.urandom(80)] * 200)
    before = len(desk.got["0"])
    await desk.until(lambda: len(desk.got["0"]) > before + 20)
    assert plane.stats()["counts"]["source-unknown"] > 500
    assert stranger.answers() == 0
    await asyncio.gather(phone.close(), desk.close())


def _malformed(count: int) -> list[bytes]:
    dice, made = random.Random(3), []
    for _ in range(count):
        attributes = b""
        for _ in range(dice.randrange(4)):
            kind, _, _, _ = dice.choice(stun.ATTRIBUTES)
            value = dice.randbytes(dice.randrange(9))
            attributes += struct.pack("!HH", kind, dice.choice([len(value), 65535, 0])) + value
        head = struct.pack("!HHI", dice.choice([1, 0x101, 0x111, 0xFFF]), len(attributes), stun.COOKIE)
        made.append(head + dice.randbytes(12) + attributes)
    return made


async def test_malformed_checks_are_counted_and_nothing_else(
    plane: MediaPlane, clip: Clip, stranger: _Stranger
) -> None:
    problems: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: problems.append(context))
    states, phone = States(plane), Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    await stranger.spray([*_malformed(2000), b"\x00", b"\x00" * 20, b"\x03" * 30])
    before = plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"]
    desk = Desk(video=False)
    await desk.subscribe(plane, "room", "desk")
    await desk.until(lambda: len(desk.got["0"]) > 5)
    assert plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"] > before
    assert plane.stats()["counts"]["stun-malformed"] > 500
    assert problems == []
    assert stranger.answers() == 0
    await asyncio.gather(phone.close(), desk.close())


def _check(ufrag: str, password: str) -> bytes:
    request = stun.Message(message_method=stun.Method.BINDING, message_class=stun.Class.REQUEST)
    request.attributes["USERNAME"] = ufrag
    request.attributes["USE-CANDIDATE"] = None
    request.add_message_integrity(password.encode())
    return bytes(request)


async def test_a_check_signed_with_the_wrong_password_learns_no_address(
    plane: MediaPlane, clip: Clip, stranger: _Stranger
) -> None:
    phone, states = Phone(clip), States(plane)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    [endpoint] = plane._port._endpoints.values()
    proved, selected = dict(endpoint.proved), endpoint.selected
    name = f"{endpoint.local_ufrag}:{endpoint.remote_ufrag}"
    await stranger.spray([_check(name, "x" * 24), _check(f"{endpoint.local_ufrag}:zzzz", endpoint.local_password)])
    before = plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"]
    desk = Desk(video=False)
    await desk.subscribe(plane, "room", "desk")
    await desk.until(lambda: len(desk.got["0"]) > 5)
    assert plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"] > before
    assert set(endpoint.proved) == set(proved)
    assert endpoint.selected == selected
    counts = plane.stats()["counts"]
    assert (counts["stun-unsigned"], counts["stun-user-unknown"]) == (1, 1)
    await asyncio.gather(phone.close(), desk.close())


async def test_an_address_in_use_by_one_session_cannot_be_claimed_by_another(plane: MediaPlane, clip: Clip) -> None:
    phone, states = Phone(clip), States(plane)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    [endpoint] = plane._port._endpoints.values()
    thief = plane._port.endpoint("thief")
    assert endpoint.selected is not None
    plane._port._check(_check(f"{thief.local_ufrag}:thief", thief.local_password), endpoint.selected)
    assert plane.stats()["counts"]["address-taken"] == 1
    assert thief.selected is None
    thief.close()
    await phone.close()
