"""The evidence: what arrived from one participant over one connection, as it arrived.

Packets are handed over on the event loop, written in batches by one thread for all journals of the process, with
`os.write` so that the kernel has them at once (a killed process loses at most the batch), and bound into the hash
chain once a second with `fdatasync` (a power cut loses at most that second). The file is locked while it is open.
"""

import fcntl
import hashlib
import logging
import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from inspection.media.packet import Kind, Packet
from inspection.recording import records
from inspection.recording.coverage import Coverage, Gap
from inspection.recording.records import ABOUT, GAP, GENESIS, MAGIC, MARK, SEAL

logger = logging.getLogger(__name__)

BATCH_SECONDS: Final = 0.1
CHECKPOINT_SECONDS: Final = 0.9  # with a batch it stays below a second
MAX_PENDING: Final = 8192  # packets that may wait for a slow disk: about half a minute
SUFFIX: Final = ".journal"
_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,63}")

OnCheckpoint = Callable[[str, int, float], None]
OnFailure = Callable[[OSError], None]


class JournalExistsError(Exception):
    """That part has been recorded already; a reconnection is a new part."""

    code = "recording-part-exists"
    zh = "该录制分段已存在，请以新的分段继续。"
    en = "This part of the recording exists already; continue with a new part."


@dataclass(frozen=True)
class Seal:
    path: Path
    bytes: int
    packets: int
    first: float | None  # arrival of the first packet, seconds since the epoch
    last: float | None
    head: str  # the last value of the hash chain, hexadecimal
    gaps: list[Gap]
    recovered: bool = False


@dataclass(frozen=True)
class _Mark:
    at: float
    event: str


class Journal:
    """Made by `open`. `add` and `mark` may be called from any thread and never block on the disk."""

    def __init__(self, path: Path, descriptor: int, coverage: Coverage, clock: Callable[[], float]) -> None:
        self.path = path
        self.on_checkpoint: OnCheckpoint | None = None
        self.on_failure: OnFailure | None = None
        self.packets = 0
        self._fd = descriptor
        self._clock = clock
        self._coverage = coverage
        self._pending: deque[Packet | _Mark] = deque()
        self._overflow: dict[Kind, tuple[float, float, int]] = {}
        self._running = hashlib.sha256()
        self._size = 0
        self._chain = GENESIS
        self._bound = 0  # bytes covered by the last checkpoint
        self._checked = time.monotonic()
        self._first: float | None = None
        self._last: float | None = None
        self._failed = False
        self._sealed: Seal | None = None
        self._closed = False
        self._lock = threading.Lock()  # the file
        self._overflow_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        folder: Path,
        recording_id: str,
        part: int,
        about: Mapping[str, Any],
        clock: Callable[[], float] = time.time,
        *,
        expects: Sequence[Kind] = (),
        on_checkpoint: OnCheckpoint | None = None,
        on_failure: OnFailure | None = None,
    ) -> "Journal":
        """Begins a part. `about` is stored in it: references only, no personal data. `expects` are the kinds whose
        absence is a gap even if nothing of them ever comes.

        `on_checkpoint(head, bytes, until)` and `on_failure(error)` are called from the writer's thread.
        Raises JournalExistsError, OSError.
        """
        if not _NAME.fullmatch(recording_id) or part < 0:
            raise ValueError("recording ids are letters, digits and hyphens; parts count from 0")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{recording_id}-{part:03d}{SUFFIX}"
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o640)
        except FileExistsError as error:
            raise JournalExistsError(path.name) from error
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        opened = clock()
        head = {"recording": recording_id, "part": part, "opened": opened, "expects": list(expects)}
        journal = cls(path, descriptor, Coverage(opened, expects), clock)
        journal.on_checkpoint, journal.on_failure = on_checkpoint, on_failure
        try:
            journal._write(MAGIC + records.pack_json(ABOUT, {**head, "about": dict(about)}))
            journal._check(opened)
            _sync_folder(folder)
        except BaseException:
            os.close(descriptor)
            path.unlink()
            raise
        WRITER.attach(journal)
        return journal

    def add(self, packet: Packet) -> None:
        """Ignored once the journal is closed."""
        if self._closed:
            return
        if len(self._pending) < MAX_PENDING:
            self._pending.append(packet)
        else:
            self._miss(packet)

    def mark(self, event: str) -> None:
        """A fact beside the packets, in its place among them."""
        self._pending.append(_Mark(self._clock(), event))

    def seal(self) -> Seal:
        """Writes what is left, the summary and the last checkpoint, and closes. Blocks for the disk: from an event
        loop call it in a thread. A second call returns the same seal. After an OSError the journal is closed as it
        is, and `recover` will seal it.
        """
        with self._lock:
            if self._sealed is None:
                self._require_open()
                try:
                    self._drain()
                    self._sealed = self._finish()
                finally:
                    self._close()
            return self._sealed

    def abandon(self) -> None:
        """Closes without a seal, as a crash would."""
        with self._lock:
            if not self._closed:
                self._close()

    def flush(self) -> None:
        """One turn of the writer."""
        with self._lock:
            if self._closed:
                return
            try:
                self._drain()
                if self._size > self._bound and time.monotonic() - self._checked >= CHECKPOINT_SECONDS:
                    self._check(self._clock())
                self._failed = False
            except OSError as error:
                self._fail(error)

    def _require_open(self) -> None:
        if self._closed:
            raise ValueError("the journal was abandoned; recover() seals it")

    def _close(self) -> None:
        self._closed = True
        WRITER.detach(self)
        os.close(self._fd)

    def _miss(self, packet: Packet) -> None:
        with self._overflow_lock:
            start, _, count = self._overflow.get(packet.kind, (packet.arrival, 0.0, 0))
            self._overflow[packet.kind] = (start, packet.arrival, count + 1)

    def _drain(self) -> None:
        batch = [self._pending.popleft() for _ in range(len(self._pending))]
        if batch:
            try:
                self._write(b"".join(_framed(item) for item in batch))
            except OSError:
                for item in batch:
                    if isinstance(item, Packet):
                        self._miss(item)
                raise
        for item in batch:
            if isinstance(item, Packet):
                self._count(item)
        for kind, (start, end, packets) in list(self._overflow.items()):
            self._write(records.pack_json(GAP, asdict(Gap(kind, start, end, "not-written", packets))))
            self._coverage.not_written(kind, start, end, packets)
            with self._overflow_lock:
                _, latest, total = self._overflow.pop(kind)
                if total > packets:  # more was missed while this was written
                    self._overflow[kind] = (end, latest, total - packets)

    def _count(self, packet: Packet) -> None:
        self.packets += 1
        self._first = packet.arrival if self._first is None else self._first
        self._last = packet.arrival
        self._coverage.packet(packet)

    def _write(self, data: bytes) -> None:
        """All of it or nothing: a partly written batch is cut off again, so the file stays readable."""
        view, done = memoryview(data), 0
        try:
            while done < len(data):
                done += os.write(self._fd, view[done:])
        except OSError:
            os.ftruncate(self._fd, self._size)
            raise
        self._running.update(data)
        self._size += len(data)

    def _check(self, until: float, *, final: bool = False) -> None:
        running = self._running.digest()
        record, link = records.pack_checkpoint(self._chain, self._size, until, running, final=final)
        self._write(record)
        self._chain = link
        self._bound = self._size
        self._checked = time.monotonic()
        os.fdatasync(self._fd)
        if self.on_checkpoint is not None:
            try:
                self.on_checkpoint(link.hex(), self._size, until)
            except Exception:
                logger.exception("recording.on_checkpoint_failed")

    def _finish(self) -> Seal:
        at = self._clock()
        gaps = self._coverage.close(at)
        summary = {"at": at, "packets": self.packets, "first": self._first, "last": self._last}
        self._write(records.pack_json(SEAL, {**summary, "gaps": [asdict(gap) for gap in gaps]}))
        self._check(at, final=True)
        return Seal(self.path, self._size, self.packets, self._first, self._last, self._chain.hex(), gaps)

    def _fail(self, error: OSError) -> None:
        if self._failed:
            return
        self._failed = True
        logger.error("recording.write_failed", extra={"errno": error.errno})
        if self.on_failure is not None:
            self.on_failure(error)


class Writer:
    """The thread that writes for every open journal; it lives while there is one."""

    def __init__(self) -> None:
        self._journals: list[Journal] = []
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def attach(self, journal: Journal) -> None:
        with self._lock:
            self._journals.append(journal)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="recording-writer", daemon=True)
                self._thread.start()

    def detach(self, journal: Journal) -> None:
        with self._lock:
            if journal in self._journals:
                self._journals.remove(journal)

    def _run(self) -> None:
        while True:
            time.sleep(BATCH_SECONDS)
            with self._lock:
                journals = list(self._journals)
                if not journals:
                    self._thread = None
                    return
            for journal in journals:
                try:
                    journal.flush()
                except Exception:  # one journal's fault must not stop the others
                    logger.exception("recording.flush_failed")


WRITER: Final = Writer()


def _framed(item: Packet | _Mark) -> bytes:
    if isinstance(item, Packet):
        return records.pack_packet(item)
    return records.pack_json(MARK, {"at": item.at, "event": item.event})


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
