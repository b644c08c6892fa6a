"""Calls that must not come about, and the ones that must end."""

import asyncio

import pytest
from aiortc import RTCSessionDescription

from inspection.media import publication
from inspection.media.plane import MediaPlane
from tests.integration.media.clip import Clip
from tests.integration.media.peers import Phone, States


async def _empty(plane: MediaPlane) -> None:
    async with asyncio.timeout(10):
        while plane.stats()["rooms"] or plane._port._endpoints:  # noqa: ASYNC110 - of a call that never was, nobody is told
            await asyncio.sleep(0.01)


async def test_a_certificate_other_than_the_announced_one_is_not_let_in(plane: MediaPlane, clip: Clip) -> None:
    states, phone = States(plane), Phone(clip)
    offer = await phone.offer()
    genuine = next(line for line in offer.splitlines() if line.startswith("a=fingerprint:sha-256"))
    forged = genuine[:-2] + ("00" if genuine[-2:] != "00" else "11")
    lines = [forged if line == genuine else line for line in offer.splitlines() if "sha-384" not in line]
    lines = [line for line in lines if "sha-512" not in line]
    answer = await plane.publish("room", "phone", "\r\n".join(lines) + "\r\n")
    await phone.pc.setRemoteDescription(RTCSessionDescription(sdp=answer, type="answer"))
    await _empty(plane)
    assert states.seen == []
    await phone.close()


async def test_who_never_connects_is_forgotten(plane: MediaPlane, clip: Clip, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(publication, "CONNECT_SECONDS", 0.1)
    phone = Phone(clip)
    await plane.publish("room", "phone", await phone.offer())
    await _empty(plane)
    assert plane._port._endpoints == {}
    await phone.close()


async def test_a_phone_that_falls_silent_is_told_of_and_then_let_go(
    plane: MediaPlane, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publication, "SILENT_SECONDS", 0.3)
    monkeypatch.setattr(publication, "ABANDON_SECONDS", 1.0)
    states, phone = States(plane), Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    phone.wire().transport.abort()  # the battery is empty: not a word more
    await states.until("silent", "disconnected")
    assert [state for _, _, state in states.seen] == ["connected", "media", "silent", "disconnected"]
    await phone.close()


async def test_several_addresses_on_one_port_are_named_in_order(clip: Clip) -> None:
    made = await MediaPlane.start(bind="0.0.0.0", advertise=("127.0.0.1", "192.0.2.7"))
    phone = Phone(clip)
    answer = await made.publish("room", "phone", await phone.offer())
    hosts = [line.split()[4:6] for line in answer.splitlines() if line.startswith("a=candidate:")]
    assert hosts[:2] == [["127.0.0.1", str(made.port)], ["192.0.2.7", str(made.port)]]
    await made.close()
    await phone.close()
