"""The canonical record: the same facts give the same bytes, other facts give others."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inspection.sheet import record as r
from tests.unit.documents.sheets import START, item, on_site, sheet


def shuffled(value: Any, chance: random.Random) -> Any:
    match value:
        case dict():
            keys = list(value)
            chance.shuffle(keys)
            return {key: shuffled(value[key], chance) for key in keys}
        case list():
            return [shuffled(part, chance) for part in value]
        case _:
            return value


def test_the_digest_of_a_known_record_never_changes() -> None:
    # Signatures given in the past stand or fall with these bytes.
    encoded = r.canonical(on_site())
    assert encoded.startswith(b'{"case":{"item_code":"food-small","item_name":"\xe9\xa3\x9f')
    assert r.digest(encoded) == "3f4e0b1153ab0f0e9e8892bc6ebd5723640805a76b32bc669f90697af22c7b18"


@given(st.randoms(use_true_random=False))
def test_the_order_in_which_facts_were_written_does_not_matter(chance: random.Random) -> None:
    encoded = r.canonical(sheet())
    rewritten = json.dumps(shuffled(json.loads(encoded), chance)).encode()
    assert r.canonical(msgspec.json.decode(rewritten, type=r.SheetRecord)) == encoded


@given(st.text(), st.floats(0, 1e6), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_every_record_reads_back_as_itself(note: str, seconds: float, later: timedelta) -> None:
    recording = r.Recording(
        part="1", participant="a1", digest="0" * 64, since=START, until=START + later, seconds=seconds
    )
    encoded = r.canonical(sheet(items=(item("A", note, "pass", note),), recordings=(recording,)))
    assert r.canonical(r.read_record(encoded)) == encoded


def test_one_changed_word_changes_the_digest() -> None:
    first = r.canonical(sheet())
    assert r.digest(r.canonical(sheet(salt="f" * 32))) != r.digest(first)
    assert r.digest(r.canonical(sheet(outcome="passed"))) != r.digest(first)


def test_times_are_written_for_beijing_wherever_they_were_taken() -> None:
    facts = sheet().inspection
    moved = msgspec.structs.replace(facts, started_at=facts.started_at.astimezone(UTC))
    assert r.canonical(sheet(inspection=moved)) == r.canonical(sheet())
    assert b'"started_at":"2026-11-20T10:02:03.250+08:00"' in r.canonical(sheet())


def test_a_gap_is_written_with_its_ends_and_reason() -> None:
    gap = json.loads(r.canonical(sheet()))["recordings"][0]["gaps"][0]
    assert set(gap) == {"from", "to", "reason"}


@pytest.mark.parametrize(
    "changes",
    [
        {"salt": "short"},
        {"outcome": "perhaps"},
        {"office": r.OfficeFacts(code="\ud800", name="x")},
        {"notice": r.NoticeFacts(version="1", answered_at=datetime(2026, 11, 20), answer="accepted")},  # noqa: DTZ001
    ],
)
def test_what_does_not_fit_is_refused_before_anybody_signs_it(changes: dict[str, Any]) -> None:
    with pytest.raises(r.SheetRecordError):
        r.canonical(sheet(**changes))


@pytest.mark.parametrize(
    "change", [lambda b: b + b" ", lambda b: b.replace(b":", b": ", 1), lambda b: b[:-1], lambda _: b"\xff"]
)
def test_only_canonical_bytes_are_read(change: Any) -> None:
    with pytest.raises(r.SheetRecordError):
        r.read_record(change(r.canonical(sheet())))
