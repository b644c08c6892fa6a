from __future__ import annotations

import hashlib
from pathlib import Path
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from hypothesis import given
from hypothesis import strategies as st

from eventstore.chain import START, chain, event_hash, frame

STREAM = UUID("11111111-2222-4333-8444-555555555555")


def test_the_preimage_is_the_published_one() -> None:
    preimage = (
        b"\x00\x00\x00\x15peiban-event-sha256-1"
        + bytes(32)
        + bytes.fromhex("11111111222243338444555555555555")
        + b"\x00\x00\x00\x00\x00\x00\x00\x01"
        + b"\x00\x00\x00\x04case"
        + b"\x00\x00\x00\x02{}"
    )
    assert event_hash(START, STREAM, 1, "case", b"{}") == hashlib.sha256(preimage).digest()


def test_the_example_of_the_documentation_is_right() -> None:
    page = (Path(__file__).parents[3] / "docs" / "record-format.md").read_text(encoding="utf-8")
    assert event_hash(START, STREAM, 1, "case", b"{}").hex() in page


def test_each_hash_takes_in_the_one_before() -> None:
    events = [StoredEvent(STREAM, version, "case", b"{}") for version in (1, 2)]
    first, second = chain(START, events)
    assert first == event_hash(START, STREAM, 1, "case", b"{}")
    assert second == event_hash(first, STREAM, 2, "case", b"{}")


@given(st.lists(st.binary(max_size=6), max_size=5), st.lists(st.binary(max_size=6), max_size=5))
def test_no_two_lists_of_parts_have_the_same_frame(left: list[bytes], right: list[bytes]) -> None:
    assert (frame(*left) == frame(*right)) == (left == right)
