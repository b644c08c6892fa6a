"""A part of a recording on a real disk: what is told about it is what lies there."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from uuid import UUID

from inspection.media.packet import Packet
from inspection.recorder import Take, journal_path, parts_on_disk, read_sealed, settle
from inspection.recording.recover import verify

ID = UUID("00000000-0000-4000-8000-000000000001")
GUEST = f"guest:{ID}"


def voice(sequence: int) -> Packet:
    return Packet("audio", "opus", 48000, 111, sequence, sequence * 960, False, b"\x01" * 40, time.time())


class Heads:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int]] = []
        self.came = asyncio.Event()

    def __call__(self, head: str, size: int) -> None:
        self.seen.append((head, size))
        self.came.set()


def take_into(recordings: Path, heads: Heads) -> Take:
    return Take(recordings, ID, GUEST, 1, expects=("audio",), on_head=heads, on_failure=lambda: None)


async def test_packets_that_come_while_the_journal_opens_are_kept(tmp_path: Path) -> None:
    take = take_into(tmp_path, Heads())
    for sequence in range(10):
        take.add(voice(sequence))
    await take.begin()
    take.add(voice(10))
    sealed = await take.seal()
    assert sealed is not None
    path = journal_path(tmp_path, ID, GUEST, 1)
    report = await asyncio.to_thread(verify, path, sealed.head)
    assert (report.ok, report.packets, report.bytes) == (True, 11, sealed.size)
    assert parts_on_disk(tmp_path, ID) == [(GUEST, 1)]


async def test_a_seal_that_the_record_was_not_told_of_can_be_read_again(tmp_path: Path) -> None:
    take = take_into(tmp_path, Heads())
    await take.begin()
    take.add(voice(0))
    sealed = await take.seal()
    assert read_sealed(journal_path(tmp_path, ID, GUEST, 1)) == sealed
    assert list(settle(tmp_path / str(ID))) == []


async def test_what_a_crash_left_open_is_sealed_and_said_to_be_recovered(tmp_path: Path) -> None:
    heads = Heads()
    take = take_into(tmp_path / "before", heads)
    await take.begin()
    take.add(voice(0))
    await asyncio.wait_for(heads.came.wait(), 5)
    shutil.copytree(tmp_path / "before", tmp_path / "after")
    await take.seal()
    (found,) = settle(tmp_path / "after" / str(ID))
    assert (found.participant, found.part, found.recovered) == (GUEST, 1, True)
    report = await asyncio.to_thread(verify, journal_path(tmp_path / "after", ID, GUEST, 1), heads.seen[0][0])
    assert report.ok


async def test_a_part_that_never_began_has_nothing_to_seal(tmp_path: Path) -> None:
    assert await take_into(tmp_path, Heads()).seal() is None
