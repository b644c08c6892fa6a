"""Live rooms with real sockets' worth of JSON, real media over loopback, a real journal and a real record."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from aiortc import RTCSessionDescription

from cases.errors import MissingError, NotPermittedError
from cases.permissions import Actor
from inspection import commands as i
from inspection import live
from inspection.errors import RoomEndedError
from inspection.live import COMPLETE, LiveRooms, Seat
from inspection.live_room import MAX_WAITING, Tab
from inspection.media.plane import MediaPlane
from inspection.recorder import journal_path
from inspection.recording.recover import verify
from inspection.signaling import Changed, Pong
from tests.integration.inspection.world import World
from tests.integration.media.clip import Clip
from tests.integration.media.peers import Desk, Phone


class Page:
    """A browser's page in the room: what it was sent, awaitable."""

    def __init__(self, seat_of: Seat | None = None) -> None:
        self.seat = seat_of
        self.got: list[dict[str, Any]] = []
        self._more = asyncio.Event()

    async def send(self, frame: bytes) -> None:
        self.got.append(json.loads(frame))
        self._more.set()

    async def says(self, **message: Any) -> None:
        assert self.seat is not None
        await self.seat.receive(json.dumps(message))

    async def until(self, condition: Callable[[dict[str, Any]], bool], seconds: float = 15.0) -> dict[str, Any]:
        """The first message that fits, of all so far and to come."""
        async with asyncio.timeout(seconds):
            while True:
                for message in self.got:
                    if condition(message):
                        return message
                self._more.clear()
                await self._more.wait()

    async def hears(self, kind: str, **fields: Any) -> dict[str, Any]:
        return await self.until(lambda m: m["t"] == kind and all(m.get(k) == v for k, v in fields.items()))


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    return tmp_path / "recordings"


@pytest.fixture
async def rooms(world: World, plane: MediaPlane, recordings: Path) -> AsyncIterator[LiveRooms]:
    rooms = LiveRooms(plane, world.dispatcher, world.store, recordings)
    await rooms.start()
    yield rooms
    await rooms.close()


async def enter(rooms: LiveRooms, world: World, actor: Actor) -> Page:
    page = Page()
    role = "inspector" if actor.id.startswith("staff:") else "applicant"
    page.seat = await rooms.join(world.inspection, actor.id, role, page.send)
    return page


async def publish(page: Page, phone: Phone) -> None:
    await page.says(t="publish", sdp=await phone.offer(), seq=1)
    answer = await page.hears("published", seq=1)
    await phone.pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))


async def subscribe(page: Page, desk: Desk) -> None:
    await desk.pc.setLocalDescription(await desk.pc.createOffer())
    await page.says(t="subscribe", sdp=desk.pc.localDescription.sdp, seq=2)
    answer = await page.hears("subscribed", seq=2)
    for transceiver in desk.pc.getTransceivers():
        desk._listen(transceiver)
    await desk.pc.setRemoteDescription(RTCSessionDescription(sdp=answer["sdp"], type="answer"))


async def journals(recordings: Path) -> list[Path]:
    return await asyncio.to_thread(lambda: list(recordings.rglob("*.journal")))


async def everybody(rooms: LiveRooms, world: World) -> tuple[Page, Page, Page]:
    """In the room with the notice accepted; the record holds all three to be present."""
    await world.accept_notice()
    guest, wang, liu = [await enter(rooms, world, actor) for actor in (world.guest, world.wang, world.liu)]
    await world.until(lambda inspection: len(inspection.in_room) == 3)
    return guest, wang, liu


async def test_an_inspection_is_seen_recorded_and_sealed(
    world: World, rooms: LiveRooms, recordings: Path, clip: Clip
) -> None:
    guest, wang, _liu = await everybody(rooms, world)
    phone, desk = Phone(clip), Desk()
    await publish(guest, phone)
    await subscribe(wang, desk)
    await desk.until(lambda: len(desk.payloads("video")) > 10)
    assert not await journals(recordings)

    await world.start()
    await wang.until(lambda m: m["t"] == "state" and m["recording"])
    running = await world.until(lambda inspection: bool(inspection.recordings))
    assert running.recordings == {(world.guest.id, 1): "running"}
    before = len(desk.payloads("video"))
    await desk.until(lambda: len(desk.payloads("video")) > before + 60)
    await world.finish()
    for page in (guest, wang):
        assert (await page.hears("bye"))["code"] == "room-ended"
    sealed = await world.until(lambda inspection: inspection.recordings == {(world.guest.id, 1): "sealed"})
    await phone.close()
    await desk.close()

    events = [recorded.event for recorded in await world.store.events(world.inspection)]
    fact = next(event for event in events if event.TOPIC == "recording-sealed")
    report = verify(journal_path(recordings, world.inspection, world.guest.id, 1), fact.head)  # type: ignore[attr-defined]
    assert report.ok
    assert report.packets > 60
    assert sealed.over
    with pytest.raises(RoomEndedError):
        await enter(rooms, world, world.guest)


async def test_an_empty_room_is_not_put_away_while_somebody_enters(
    world: World, plane: MediaPlane, recordings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "TICK_SECONDS", 0)  # time passes wherever anybody waits
    rooms = LiveRooms(plane, world.dispatcher, world.store, recordings)
    await rooms.start()
    for actor in (world.wang, world.liu, world.guest):
        page = await enter(rooms, world, actor)
        await page.hears("welcome")
    await world.until(lambda inspection: len(inspection.in_room) == 3)
    await rooms.close()


async def test_a_service_starts_although_a_journal_is_lost(
    world: World, plane: MediaPlane, rooms: LiveRooms, clip: Clip, tmp_path: Path
) -> None:
    guest, _wang, _liu = await everybody(rooms, world)
    await world.start()
    phone = Phone(clip)
    await publish(guest, phone)
    await world.until(lambda inspection: bool(inspection.recordings))
    restored = tmp_path / "restored"
    (restored / str(world.inspection)).mkdir(parents=True)
    after = LiveRooms(plane, world.dispatcher, world.store, restored)
    await after.start()
    assert (await world.get()).recordings == {(world.guest.id, 1): "running"}
    await after.close()
    await phone.close()


async def test_a_reconnection_is_the_next_part_of_the_recording(
    world: World, rooms: LiveRooms, clip: Clip, recordings: Path
) -> None:
    guest, _wang, _liu = await everybody(rooms, world)
    await world.start()
    first = Phone(clip)
    await publish(guest, first)
    await world.until(lambda inspection: (world.guest.id, 1) in inspection.recordings)
    await first.close()
    again = await enter(rooms, world, world.guest)
    assert (await guest.hears("bye"))["code"] == "replaced"
    second = Phone(clip)
    await publish(again, second)
    found = await world.until(lambda inspection: (world.guest.id, 2) in inspection.recordings)
    found = await world.until(lambda i: i.recordings[world.guest.id, 1] == "sealed")
    assert found.recordings == {(world.guest.id, 1): "sealed", (world.guest.id, 2): "running"}
    await second.close()


async def test_inspectors_voices_are_recorded_too(world: World, rooms: LiveRooms, clip: Clip) -> None:
    _guest, wang, _liu = await everybody(rooms, world)
    await world.start()
    voice = Phone(clip, video=False)
    await publish(wang, voice)
    await world.until(lambda inspection: inspection.recordings == {(world.wang.id, 1): "running"})
    await voice.close()


async def test_the_camera_is_refused_before_the_notice_is_answered(world: World, rooms: LiveRooms, clip: Clip) -> None:
    guest = await enter(rooms, world, world.guest)
    phone = Phone(clip)
    await guest.says(t="publish", sdp=await phone.offer(), seq=4)
    assert (await guest.hears("problem", seq=4))["code"] == "notice-first"
    await world.accept_notice()
    accepted = await world.store.head()
    await guest.until(lambda m: m["t"] == "changed" and m["position"] >= accepted)
    await publish(guest, phone)
    await phone.close()


async def test_a_crash_in_the_middle_is_recovered_and_the_inspection_goes_on(
    world: World, rooms: LiveRooms, recordings: Path, clip: Clip, tmp_path: Path
) -> None:
    guest, _wang, _liu = await everybody(rooms, world)
    await world.start()
    phone = Phone(clip)
    await publish(guest, phone)
    await world.until(lambda inspection: bool(inspection.recordings))
    journal = journal_path(recordings, world.inspection, world.guest.id, 1)
    await world.event("recording-head")
    left = tmp_path / "left"
    await asyncio.to_thread(shutil.copytree, recordings, left)  # what a killed process leaves: never sealed
    left_journal = left / journal.relative_to(recordings)
    assert not verify(left_journal).sealed

    plane = await MediaPlane.start()
    after = LiveRooms(plane, world.dispatcher, world.store, left)
    await after.start()
    found = await world.until(lambda inspection: inspection.recordings == {(world.guest.id, 1): "recovered"})
    assert found.running
    fact = await world.event("recording-sealed")
    report = await asyncio.to_thread(verify, left_journal, fact.head)
    assert report.ok
    assert report.recovered

    again = await enter(after, world, world.guest)
    assert (await again.hears("welcome"))["state"]["started"]
    second = Phone(clip)
    await publish(again, second)
    await world.until(lambda inspection: inspection.recordings.get((world.guest.id, 2)) == "running")
    await world.finish()
    await again.hears("end")
    await world.until(lambda inspection: inspection.recordings[world.guest.id, 2] == "sealed")
    for open_phone in (phone, second):
        await open_phone.close()
    await after.close()
    await plane.close()


async def test_malformed_messages_are_answered_and_the_room_goes_on(world: World, rooms: LiveRooms) -> None:
    page = await enter(rooms, world, world.wang)
    assert page.seat is not None
    for frame in ("", "{", '{"t":"publish"}', b"\xff", "x" * 100_000):
        await page.seat.receive(frame)
    assert (await page.hears("problem"))["code"] == "room-message"
    await page.says(t="publish", sdp="v=0\r\nnonsense", seq=9)
    assert (await page.hears("problem", seq=9))["code"] == "media-offer"
    await page.says(t="ping")
    await page.hears("pong")


async def test_strangers_and_false_roles_are_kept_out(world: World, rooms: LiveRooms) -> None:
    page = Page()
    with pytest.raises(MissingError):
        await rooms.join(world.inspection, world.officer.id, "inspector", page.send)
    with pytest.raises(NotPermittedError):
        await rooms.join(world.inspection, world.guest.id, "inspector", page.send)


async def test_a_socket_that_does_not_read_is_dropped_and_nobody_waits_for_it() -> None:
    stuck, gone = asyncio.Event(), asyncio.Event()

    async def never(_: bytes) -> None:
        await stuck.wait()

    tab = Tab(never, gone.set)
    for _ in range(MAX_WAITING + 2):
        tab.put(Pong())
    await asyncio.wait_for(tab.closed.wait(), 5)
    assert gone.is_set()


async def test_of_changes_only_the_newest_waits_for_a_slow_socket() -> None:
    sent: list[bytes] = []

    async def keep(frame: bytes) -> None:
        sent.append(frame)

    tab = Tab(keep, lambda: None)
    for position in range(1, 1000):
        tab.put(Changed(position=position))
    tab.put(Pong())
    tab.close()
    await tab.closed.wait()
    assert [json.loads(frame) for frame in sent] == [{"t": "changed", "position": 999}, {"t": "pong"}]


async def test_who_is_shut_out_is_told_and_gone(world: World, rooms: LiveRooms) -> None:
    page = await enter(rooms, world, world.wang)
    await world.until(lambda inspection: world.wang.id in inspection.in_room)
    rooms.revoke(world.wang.id)
    assert (await page.hears("bye"))["code"] == "revoked"
    assert page.seat is not None
    await page.seat.closed.wait()
    await world.until(lambda inspection: world.wang.id not in inspection.in_room)


async def test_a_folder_whose_inspection_is_over_is_not_read_again(
    world: World, rooms: LiveRooms, recordings: Path, clip: Clip, plane: MediaPlane
) -> None:
    guest, _wang, _liu = await everybody(rooms, world)
    await world.start()
    phone = Phone(clip)
    await publish(guest, phone)
    await world.until(lambda inspection: bool(inspection.recordings))
    await world.finish()
    await world.until(lambda inspection: "running" not in inspection.recordings.values())
    await phone.close()
    await rooms.close()
    again = LiveRooms(plane, world.dispatcher, world.store, recordings)
    await again.start()
    assert (recordings / str(world.inspection) / COMPLETE).exists()
    await again.close()


async def test_on_site_nothing_is_recorded_until_the_applicant_agrees(
    world: World, rooms: LiveRooms, clip: Clip
) -> None:
    await world.do(world.wang, i.MoveOnSite(inspection_id=world.inspection, reason="设备需要实测"))
    for actor in (world.wang, world.liu):
        await world.do(actor, i.ArriveOnSite(inspection_id=world.inspection, latitude=36.06, longitude=120.38))
    await world.start()
    wang = await enter(rooms, world, world.wang)
    camera = Phone(clip)
    await publish(wang, camera)
    await wang.until(lambda m: m["t"] == "state" and any(p["media"] for p in m["participants"]))
    assert (await world.get()).recordings == {}
    await world.accept_notice()
    await world.until(lambda inspection: inspection.recordings == {(world.wang.id, 1): "running"})
    await camera.close()
