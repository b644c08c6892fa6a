"""People come, go and come back; nobody renegotiates."""

import asyncio

import pytest

from inspection.media.plane import MediaBusyError, MediaPlane, SdpRefusedError
from tests.integration.media.clip import Clip, encoded
from tests.integration.media.peers import Collector, Desk, Phone, States


async def test_a_second_publication_replaces_the_first_and_the_desk_goes_on(plane: MediaPlane, clip: Clip) -> None:
    states, recorder, desk = States(plane), Collector(), Desk()
    plane.tap("room", "phone", recorder)
    await desk.subscribe(plane, "room", "desk")
    first, second = Phone(clip), Phone(clip)
    await first.publish(plane, "room", "phone")
    await desk.until(lambda: len(desk.got["0"]) > 40)
    await second.publish(plane, "room", "phone")
    assert states.seen[-1] == ("room", "phone", "disconnected")
    before = len(desk.got["0"])
    await desk.until(lambda: len(desk.got["0"]) > before + 60)
    assert [s for _, _, s in states.seen] == ["connected", "media", "disconnected", "connected", "media"]

    assert desk.unbroken("0")
    stamps = [p.timestamp for p in desk.got["0"]]
    assert (stamps[-1] - stamps[0]) & 0xFFFF_FFFF < 90000 * 60  # one clock for the viewer, not two
    lines = plane.stats()["rooms"]["room"]["desk"]["receiving"]["lines"]
    assert lines[0]["switches"] == 2
    assert recorder.packets[-1].payload in second.payloads
    await asyncio.gather(first.close(), second.close(), desk.close())


async def test_a_desk_can_be_shown_another_camera(plane: MediaPlane, clip: Clip) -> None:
    other = encoded(width=320, height=180)
    desk, one, two = Desk(voices=2), Phone(clip), Phone(other)
    await desk.subscribe(plane, "room", "desk")
    await one.publish(plane, "room", "applicant")
    await desk.until(lambda: len(desk.got["0"]) > 10)
    await two.publish(plane, "room", "inspector-on-site")
    await desk.until(lambda: len(desk.got["2"]) > 10)  # his voice, in the line that was free
    plane.select_camera("room", "inspector-on-site")
    await desk.until(lambda: desk.got["0"][-1].payload in two.payloads)
    heard = desk.got["1"][-1].payload
    await desk.until(lambda: desk.got["1"][-1].payload != heard)
    plane.select_camera("room", None)
    await desk.until(lambda: desk.got["0"][-1].payload in one.payloads)
    assert desk.unbroken("0")
    await asyncio.gather(desk.close(), one.close(), two.close())


async def test_inspectors_talk_back_and_nobody_hears_himself(plane: MediaPlane, clip: Clip) -> None:
    states, phone, applicant = States(plane), Phone(clip), Desk(video=False, voices=2)
    await phone.publish(plane, "room", "applicant")
    await applicant.subscribe(plane, "room", "applicant")
    inspectors = [Phone(clip, video=False) for _ in range(2)]
    for number, inspector in enumerate(inspectors):
        await inspector.publish(plane, "room", f"inspector-{number}")
    for number in range(2):
        await states.until("media", who=f"inspector-{number}")
    await applicant.until(lambda: all(len(applicant.got[mid]) > 10 for mid in ("0", "1")))
    voices = plane.stats()["rooms"]["room"]["applicant"]["receiving"]["voices"]
    assert sorted(voices) == ["inspector-0", "inspector-1"]
    await plane.leave("room", "inspector-0")
    voices = plane.stats()["rooms"]["room"]["applicant"]["receiving"]["voices"]
    assert sorted(filter(None, voices)) == ["inspector-1"]
    await asyncio.gather(phone.close(), applicant.close(), *(i.close() for i in inspectors))


async def test_nothing_is_recorded_before_or_after_the_tap(plane: MediaPlane, clip: Clip) -> None:
    states, recorder, phone = States(plane), Collector(), Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    plane.tap("room", "phone", recorder)
    await recorder.until(lambda: len(recorder.packets) > 20)
    plane.tap("room", "phone", None)
    count, heard = len(recorder.packets), plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"]
    desk = Desk(video=False)
    await desk.subscribe(plane, "room", "desk")
    await desk.until(lambda: len(desk.got["0"]) > 5)
    assert plane.stats()["rooms"]["room"]["phone"]["publishing"]["audio"]["packets"] > heard
    assert len(recorder.packets) == count
    await asyncio.gather(phone.close(), desk.close())


async def test_a_recorder_or_owner_that_fails_does_not_end_the_call(plane: MediaPlane, clip: Clip) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("disk on fire")

    plane.on_change = broken
    plane.tap("room", "phone", broken)
    desk, phone = Desk(), Phone(clip)
    await desk.subscribe(plane, "room", "desk")
    await phone.publish(plane, "room", "phone")
    await desk.until(lambda: len(desk.got["0"]) > 30)
    assert plane.stats()["counts"]["sink-failed"] > 0
    assert plane.stats()["counts"]["on-change-failed"] > 0
    await asyncio.gather(phone.close(), desk.close())


async def test_leaving_frees_everything(plane: MediaPlane, clip: Clip) -> None:
    desk, phone = Desk(), Phone(clip)
    await desk.subscribe(plane, "room", "desk")
    await phone.publish(plane, "room", "phone")
    await desk.until(lambda: len(desk.got["0"]) > 5)
    await plane.close_room("room")
    assert plane.stats()["rooms"] == {}
    assert plane._port._endpoints == {}
    assert plane._port._by_address == {}
    await asyncio.gather(phone.close(), desk.close())


async def test_a_refused_offer_leaves_the_running_call_alone(plane: MediaPlane, clip: Clip) -> None:
    states, phone = States(plane), Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    with pytest.raises(SdpRefusedError):
        await plane.publish("room", "phone", "v=0\r\nm=nonsense")
    with pytest.raises(SdpRefusedError):
        await plane.publish("elsewhere", "stranger", "")
    assert list(plane.stats()["rooms"]) == ["room"]
    assert plane.stats()["rooms"]["room"]["phone"]["publishing"]["connected"]
    await phone.close()


async def test_a_full_room_is_refused_in_words(plane: MediaPlane) -> None:
    for number in range(16):
        plane.set_target("room", f"p{number}", 400 + number)
    with pytest.raises(MediaBusyError):
        plane.set_target("room", "one-more", 400)
