"""What is asked for again, and what the publisher is told of its packets' arrival."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from inspection.media.nack import GIVE_UP_SECONDS, MAX_MISSING, RETRY_SECONDS, Holes
from inspection.media.twcc import Arrivals


def test_a_missing_packet_is_asked_for_at_once_then_patiently_then_given_up() -> None:
    holes = Holes()
    holes.open(10, 13, now=0.0)
    assert holes.due(0.0) == [10, 11, 12]
    assert holes.due(RETRY_SECONDS / 2) == []
    assert holes.fill(11)
    assert not holes.fill(11)
    assert holes.due(RETRY_SECONDS) == [10, 12]
    assert holes.give_up(GIVE_UP_SECONDS) == 2
    assert len(holes) == 0


def test_a_long_outage_does_not_grow_the_list_without_end() -> None:
    holes = Holes()
    holes.open(0, 100_000, now=0.0)
    holes.open(100_001, 100_100, now=0.1)
    assert len(holes) == MAX_MISSING
    assert holes.due(1.0)[-1] == 100_099


def _decode(packet: bytes) -> dict[int, float]:
    """Arrival in seconds by number, as a sender would read a report."""
    _, kind, words = struct.unpack_from("!BBH", packet)
    assert (kind, len(packet)) == (205, 4 * words + 4)
    first, count = struct.unpack_from("!HH", packet, 12)
    clock = int.from_bytes(packet[16:19], "big") * 0.064
    chunks = -(-count // 7)
    symbols = []
    for index in range(chunks):
        (chunk,) = struct.unpack_from("!H", packet, 20 + 2 * index)
        symbols += [(chunk >> shift) & 3 for shift in range(12, -2, -2)]
    at, found = 20 + 2 * chunks, {}
    for offset, symbol in enumerate(symbols[:count]):
        if symbol:
            delta = packet[at] if symbol == 1 else struct.unpack_from("!h", packet, at)[0]
            at += symbol
            clock += delta * 0.00025
            found[(first + offset) & 0xFFFF] = clock
    return found


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 3), st.floats(0, 0.05)), min_size=1, max_size=150),
)
def test_a_report_says_when_each_packet_came(first: int, steps: list[tuple[int, float]]) -> None:
    arrivals, expected, number, now = Arrivals(), {}, first, 1000.0
    for jump, wait in steps:
        number, now = (number + jump) & 0xFFFF, now + wait
        arrivals.add(number, now)
        expected[number] = now
    report = arrivals.report(1, 2)
    assert report is not None
    assert len(report) < 1500
    found = _decode(report)
    assert found.keys() == expected.keys()
    assert all(abs(found[n] - expected[n]) < 0.0005 for n in found)
    assert arrivals.report(1, 2) is None


def test_a_publisher_that_starts_over_is_not_answered_with_nonsense() -> None:
    arrivals = Arrivals()
    arrivals.add(5, 1.0)
    arrivals.add(30_000, 1.1)
    assert arrivals.report(1, 2) is None
