"""The journal: what it keeps, what it says of itself, and what a changed byte does."""

import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from inspection.media.packet import Packet
from inspection.recording import journal as journals
from inspection.recording.assemble import packets
from inspection.recording.journal import Journal, JournalExistsError
from inspection.recording.recover import recover, verify
from tests.integration.media.clip import Clip
from tests.unit.recording.packets import START, audio, by_arrival, video


def _recorded(folder: Path, some: list[Packet], part: int = 0) -> Journal:
    journal = Journal.open(folder, "r1", part, {"case": "c1"}, clock=lambda: some[0].arrival)
    for packet in some:
        journal.add(packet)
    return journal


def test_a_journal_gives_back_every_packet_as_it_arrived(tmp_path: Path, clip: Clip) -> None:
    some = by_arrival(video(clip), audio(clip))
    seal = _recorded(tmp_path, some).seal()
    assert list(packets(seal.path)) == some
    assert (seal.packets, seal.first, seal.last) == (len(some), some[0].arrival, some[-1].arrival)
    assert seal.bytes == seal.path.stat().st_size
    assert seal.gaps == []
    report = verify(seal.path, seal.head)
    assert report.ok
    assert report.head == seal.head
    assert report.verified == seal.bytes


def test_a_head_told_during_the_recording_is_found_in_the_chain_later(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "CHECKPOINT_SECONDS", 0)
    heads: list[tuple[str, int, float]] = []
    some = audio(clip)
    journal = Journal.open(tmp_path, "r1", 0, {}, on_checkpoint=lambda *told: heads.append(told))
    journal.add(some[0])
    journal.flush()
    journal.add(some[1])
    journal.flush()
    seal = journal.seal()
    assert len(heads) >= 2
    assert [size for _, size, _ in heads] == sorted(size for _, size, _ in heads)
    assert heads[-1][0] == seal.head
    assert all(verify(seal.path, head).ok for head, _, _ in heads)
    assert not verify(seal.path, "00" * 32).ok


def test_a_part_is_never_recorded_twice(tmp_path: Path, clip: Clip) -> None:
    _recorded(tmp_path, audio(clip)).seal()
    with pytest.raises(JournalExistsError):
        Journal.open(tmp_path, "r1", 0, {})
    with pytest.raises(ValueError, match="letters, digits"):
        Journal.open(tmp_path, "../r1", 0, {})


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_one_changed_byte_is_named_by_its_record(tmp_path: Path, clip: Clip, share: float) -> None:
    seal = _recorded(tmp_path, by_arrival(video(clip), audio(clip))).seal()
    data = bytearray(seal.path.read_bytes())
    at = int(len(data) * share)
    data[at] ^= 0x40
    seal.path.write_bytes(data)
    report = verify(seal.path, seal.head)
    assert not report.ok
    assert report.bad_offset is not None
    assert at - 1300 < report.bad_offset <= at


def test_a_record_rewritten_with_a_right_checksum_breaks_the_chain(tmp_path: Path, clip: Clip) -> None:
    from inspection.recording import records

    some = audio(clip)
    seal = _recorded(tmp_path, some).seal()
    data = seal.path.read_bytes()
    genuine = records.pack_packet(some[10])
    forged = records.frame(records.PACKET, genuine[9:-1] + bytes([genuine[-1] ^ 1]))
    assert data.count(genuine) == 1
    seal.path.write_bytes(data.replace(genuine, forged))
    report = verify(seal.path)
    assert (report.ok, report.bad) == (False, "chain")
    assert report.bad_offset is not None
    assert report.bad_offset > data.index(genuine)


def test_a_journal_cut_short_is_closed_again_and_says_so(tmp_path: Path, clip: Clip) -> None:
    some = by_arrival(video(clip), audio(clip))
    journal = _recorded(tmp_path, some)
    journal.flush()
    journal.abandon()
    torn = journal.path.read_bytes()[:-7]
    journal.path.write_bytes(torn)

    [found] = recover(tmp_path, clock=lambda: START + 100)
    assert found.seal is not None
    assert (found.recording_id, found.part, found.about) == ("r1", 0, {"case": "c1"})
    assert found.report.bad == "torn"
    assert found.seal.packets == len(some) - 1
    assert verify(journal.path, found.seal.head).recovered
    assert verify(journal.path, found.report.head).ok
    assert journal.path.with_suffix(".cut").read_bytes() == torn[found.report.bytes :]
    assert recover(tmp_path) == []


def test_zeros_after_a_power_cut_are_set_aside(tmp_path: Path, clip: Clip) -> None:
    journal = _recorded(tmp_path, audio(clip))
    journal.flush()
    journal.abandon()
    with journal.path.open("ab") as file:
        file.write(bytes(4096))
    [found] = recover(tmp_path)
    assert found.seal is not None
    assert found.seal.packets == len(audio(clip))


def test_damage_before_a_checkpoint_is_reported_and_not_papered_over(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "CHECKPOINT_SECONDS", 0)
    journal = _recorded(tmp_path, audio(clip))
    journal.flush()
    journal.add(audio(clip)[0])
    journal.flush()
    journal.abandon()
    data = bytearray(journal.path.read_bytes())
    data[len(data) // 2] ^= 1
    journal.path.write_bytes(data)
    [found] = recover(tmp_path)
    assert found.seal is None
    assert found.report.bad_offset is not None
    assert journal.path.read_bytes() == bytes(data)


def test_a_journal_in_use_is_left_alone(tmp_path: Path, clip: Clip) -> None:
    journal = _recorded(tmp_path, audio(clip))
    assert recover(tmp_path) == []
    assert verify(journal.seal().path).ok


def test_packets_beyond_what_the_disk_keeps_up_with_are_a_gap(
    tmp_path: Path, clip: Clip, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journals, "MAX_PENDING", 10)
    some = audio(clip)[:15]
    journal = Journal.open(tmp_path, "r1", 0, {}, clock=lambda: some[0].arrival)
    journals.WRITER.detach(journal)
    for packet in some:
        journal.add(packet)
    seal = journal.seal()
    assert seal.packets == 10
    [gap] = seal.gaps
    assert (gap.reason, gap.packets) == ("not-written", 5)
    assert (gap.start, gap.end) == (some[10].arrival, some[14].arrival)


@pytest.fixture
def small_files() -> Iterator[None]:
    """A disk that is full at 10 kB."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_told_once_and_leaves_a_readable_journal(tmp_path: Path, clip: Clip, small_files: None) -> None:
    told: list[OSError] = []
    some = audio(clip)
    journal = Journal.open(tmp_path, "r1", 0, {}, clock=lambda: some[0].arrival, on_failure=told.append)
    journals.WRITER.detach(journal)
    written = 0
    for packet in some:
        journal.add(packet)
        journal.flush()
        written += not told
    assert len(told) == 1
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[1], before[1]))
    seal = journal.seal()
    assert seal.packets >= written
    report = verify(seal.path, seal.head)
    assert (report.ok, report.packets) == (True, seal.packets)
    [gap] = seal.gaps
    assert (gap.reason, gap.packets) == ("not-written", len(some) - seal.packets)
