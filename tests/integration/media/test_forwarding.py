"""One phone, two desks: what arrives is what was sent, and nobody decoded it on the way."""

from inspection.media.plane import MediaPlane
from tests.integration.media.clip import Clip
from tests.integration.media.peers import Collector, Desk, Phone, States


async def test_two_desks_and_the_recorder_get_every_packet_the_phone_sent(plane: MediaPlane, clip: Clip) -> None:
    states, recorder = States(plane), Collector()
    plane.tap("room", "phone", recorder)
    desks = [Desk(), Desk()]
    for number, desk in enumerate(desks):
        await desk.subscribe(plane, "room", f"desk-{number}")
    phone = Phone(clip)
    await phone.publish(plane, "room", "phone")
    await states.until("connected", "media")
    for desk in desks:
        await desk.until(lambda desk=desk: len(desk.got["0"]) > 100 and len(desk.got["1"]) > 60)  # type: ignore[misc]
    await phone.close()
    await states.until("disconnected")

    sent = {kind: {seq: payload for k, seq, payload in phone.sent if k == kind} for kind in ("audio", "video")}
    for kind in ("audio", "video"):
        recorded = recorder.of(kind)
        assert {p.sequence: p.payload for p in recorded} == sent[kind]
        assert len(recorded) == len({p.sequence for p in recorded})
        in_sequence = [p.payload for p in sorted(recorded, key=lambda p: (p.sequence - recorded[0].sequence) & 0xFFFF)]
        for desk in desks:
            seen = desk.payloads(kind)
            at = in_sequence.index(seen[0])
            assert seen == in_sequence[at : at + len(seen)]
    for desk in desks:
        await desk.close()
