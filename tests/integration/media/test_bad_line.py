"""Lost packets on a real wire are asked for again and come, in both directions."""

import asyncio

from inspection.media.plane import MediaPlane
from tests.integration.media.clip import Clip
from tests.integration.media.peers import Collector, Desk, Phone, States, lose


async def test_pictures_lost_between_phone_and_server_are_repaired(plane: MediaPlane, clip: Clip) -> None:
    states, recorder = States(plane), Collector()
    plane.tap("room", "phone", recorder)
    phone = Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("media")
    dropped = lose(phone.wire(), 0.1, seed=7)
    start = len(recorder.of("video"))
    await recorder.until(lambda: len(recorder.of("video")) > start + 150)
    phone.wire().transport = phone.wire().transport.transport  # a good line again, so that the last ones come too
    mark = len(recorder.of("video"))
    await recorder.until(lambda: len(recorder.of("video")) > mark + 30)

    recorded = {p.sequence: p.payload for p in recorder.of("video")}
    sent = [(seq, payload) for kind, seq, payload in phone.sent if kind == "video"][: start + 150]
    assert dropped[0] > 10
    assert [seq for seq, payload in sent if recorded.get(seq) != payload] == []
    assert plane.stats("room")["rooms"]["room"]["phone"]["publishing"]["video"]["repaired"] > 0
    await phone.close()


async def test_pictures_lost_between_server_and_desk_are_repaired(plane: MediaPlane, clip: Clip) -> None:
    desk, phone = Desk(), Phone(clip)
    await desk.subscribe(plane, "room", "desk")
    await phone.publish(plane, "room", "phone")
    await desk.until(lambda: len(desk.got["0"]) > 10)
    drops = iter(range(10_000))
    original = plane._port.send

    def lossy(data: bytes, address: tuple[str, int]) -> bool:
        to_desk = 127 < data[0] < 192 and len(data) > 400 and not 191 < data[1] < 224
        if to_desk and next(drops) % 9 == 8:
            return True
        return original(data, address)

    plane._port.send = lossy  # type: ignore[method-assign]  # the wire itself, not a stand-in for it
    await desk.until(lambda: len(desk.got["0"]) > 200)
    plane._port.send = original  # type: ignore[method-assign]
    mark = len(desk.got["0"])
    await desk.until(lambda: len(desk.got["0"]) > mark + 30)

    seen = desk.payloads("video")[:120]  # the newest may still be on their way again
    sent = [payload for kind, _, payload in phone.sent if kind == "video"]
    at = sent.index(seen[0])
    assert seen == sent[at : at + len(seen)]
    assert plane.stats()["rooms"]["room"]["desk"]["receiving"]["lines"][0]["repeats"] > 0
    await asyncio.gather(desk.close(), phone.close())
