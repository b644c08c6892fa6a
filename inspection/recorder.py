"""One part of a recording: packets of one participant's connection into a journal, and what became of it.

Opening and sealing wait for the disk in a thread; packets that arrive meanwhile are kept, so none is lost.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from inspection.media.packet import Kind, Packet
from inspection.recording import records
from inspection.recording.coverage import Gap
from inspection.recording.journal import SUFFIX, Journal
from inspection.recording.recover import recover, verify

log = logging.getLogger(__name__)

EARLY: Final = 2048
"""Packets kept while the journal opens: some ten seconds of a 720p picture."""
RETRY_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Sealed:
    """The facts of a finished part, as the record takes them. head: 64 hex digits; size in bytes."""

    participant: str
    part: int
    head: str
    size: int
    first: datetime | None
    last: datetime | None
    gaps: list[tuple[datetime, datetime, str]]
    recovered: bool


def folder_of(recordings: Path, inspection_id: UUID) -> Path:
    return recordings / str(inspection_id)


def journal_path(recordings: Path, inspection_id: UUID, participant: str, part: int) -> Path:
    """Where the journal of a part lies; participant as in the events, `guest:<uuid>` or `staff:<uuid>`."""
    return folder_of(recordings, inspection_id) / f"{_file_name(participant)}-{part:03d}{SUFFIX}"


def parts_on_disk(recordings: Path, inspection_id: UUID) -> list[tuple[str, int]]:
    """Participant and part of every journal of an inspection, also of those that the record was never told of."""
    paths = folder_of(recordings, inspection_id).glob(f"*{SUFFIX}")
    names = (path.name.removesuffix(SUFFIX).rpartition("-") for path in paths)
    return [(participant.replace("-", ":", 1), int(part)) for participant, _, part in names]


def _file_name(participant: str) -> str:
    return participant.replace(":", "-")


class Take:
    """Begun by `begin`; `add` may be called at once. on_head(head, size) comes about once a second, on the loop."""

    def __init__(
        self,
        recordings: Path,
        inspection_id: UUID,
        participant: str,
        part: int,
        *,
        expects: tuple[Kind, ...],
        on_head: Callable[[str, int], None],
        on_failure: Callable[[], None],
    ) -> None:
        self.participant, self.part = participant, part
        self._folder = folder_of(recordings, inspection_id)
        self._about = {"inspection": str(inspection_id), "participant": participant}
        self._expects = expects
        self._on_head, self._on_failure = on_head, on_failure
        self._loop = asyncio.get_running_loop()
        self._early: list[Packet] = []
        self._journal: Journal | None = None

    def add(self, packet: Packet) -> None:
        if self._journal is not None:
            self._journal.add(packet)
        elif len(self._early) < EARLY:
            self._early.append(packet)

    async def begin(self) -> None:
        """Raises OSError when the disk refuses, JournalExistsError for a part that exists."""
        journal = await asyncio.to_thread(
            Journal.open,
            self._folder,
            _file_name(self.participant),
            self.part,
            self._about,
            expects=self._expects,
            on_checkpoint=lambda head, size, _: self._tell(self._on_head, head, size),
            on_failure=lambda _: self._tell(self._on_failure),
        )
        for packet in self._early:
            journal.add(packet)
        self._early.clear()
        self._journal = journal

    async def seal(self) -> Sealed | None:
        """The sealed facts; None when it never began. A disk that refuses is tried again until it gives way."""
        journal, self._journal = self._journal, None
        if journal is None:
            return None
        try:
            seal = await asyncio.to_thread(journal.seal)
        except OSError:
            log.exception("recording.seal_failed", extra={"part": self.part})
            return await self._seal_later(journal.path)
        moments = (_moment(seal.first), _moment(seal.last))
        return Sealed(self.participant, self.part, seal.head, seal.bytes, *moments, gaps_of(seal.gaps), recovered=False)

    async def _seal_later(self, path: Path) -> Sealed | None:
        while True:
            await asyncio.sleep(RETRY_SECONDS)
            try:
                found = await asyncio.to_thread(lambda: list(settle(self._folder)))
            except OSError:
                continue
            wanted = [s for s in found if (s.participant, s.part) == (self.participant, self.part)]
            return wanted[0] if wanted else await asyncio.to_thread(read_sealed, path)

    def _tell(self, what: Callable[..., None], *values: Any) -> None:
        """From the writer's thread to the loop, which may be gone by then."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *values)


def settle(folder: Path) -> Iterator[Sealed]:
    """Seals what a crash left open in a folder. A damaged journal is left as it is, its sound beginning counts."""
    for found in recover(folder):
        participant, part = found.about.get("participant"), found.part
        if participant is None or part is None:
            log.error("recording.unreadable", extra={"journal": found.path.name})
            continue
        if found.seal is not None:
            seal = found.seal
            moments = (_moment(seal.first), _moment(seal.last))
            yield Sealed(participant, part, seal.head, seal.bytes, *moments, gaps_of(seal.gaps), recovered=True)
        else:
            log.error("recording.damaged", extra={"journal": found.path.name, "offset": found.report.bad_offset})
            until = _moment(found.report.until)
            gaps = [(until, until, "damaged")] if until else []
            head = found.report.head or records.GENESIS.hex()
            yield Sealed(participant, part, head, found.report.verified, None, until, gaps, recovered=True)


def read_sealed(path: Path) -> Sealed | None:
    """The facts of a journal that was sealed without the record being told; None when it is not whole."""
    report = verify(path)
    if not report.ok or report.head is None:
        return None
    about: dict[str, Any] = {}
    summary: dict[str, Any] = {}
    with path.open("rb") as file:
        for record in records.read(file):
            if isinstance(record, records.Record) and record.type in (records.ABOUT, records.SEAL):
                body = json.loads(record.body)
                about, summary = (body, summary) if record.type == records.ABOUT else (about, body)
    gaps = gaps_of([Gap(**gap) for gap in summary["gaps"]])
    moments = (_moment(summary["first"]), _moment(summary["last"]))
    return Sealed(
        about["about"]["participant"],
        about["part"],
        report.head,
        report.bytes,
        *moments,
        gaps,
        recovered=report.recovered,
    )


def gaps_of(gaps: list[Gap]) -> list[tuple[datetime, datetime, str]]:
    """As the record takes them: times, and kind with reason (`video-lost`, `audio-silent`, `video-not-written`)."""
    return [
        (datetime.fromtimestamp(gap.start, UTC), datetime.fromtimestamp(gap.end, UTC), f"{gap.kind}-{gap.reason}")
        for gap in gaps
    ]


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
