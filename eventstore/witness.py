"""Witnesses keep checkpoints elsewhere, so that nobody who rules over the database can rewrite what they have seen."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from eventstore.checkpoint import MAX_NOTE, Checkpoint, NoteError, SignatureLine, VerifierKey
from eventstore.connection import LOST, STATEMENT_SECONDS, Connection
from eventstore.errors import EventStoreError
from eventstore.log import LogTree
from eventstore.merkle import ProofError, verify_consistency
from eventstore.notary import Notary

logger = logging.getLogger(__name__)

_END = b"\n\n\n"  # between notes, which never hold two empty lines
_NOTE = "INSERT INTO peiban_witnessed (size, witness, cosignatures) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_SEEN = """
SELECT witness, size, cosignatures, extract(epoch FROM clock_timestamp() - recorded_at)::float8 AS age FROM (
    SELECT DISTINCT ON (witness) witness, size, cosignatures, recorded_at FROM peiban_witnessed
    ORDER BY witness, size DESC
) newest
"""


class WitnessAwayError(EventStoreError):
    """It cannot be reached, or does not answer as a witness: tried again later."""

    code = "witness-away"
    zh = "见证方暂时无法联系，稍后会自动重试。"
    en = "A witness cannot be reached; it is tried again."


class WitnessRefusedError(EventStoreError):
    """It has seen another past than the one that we show, or does not know our key."""

    code = "witness-refused"
    zh = "见证方拒绝了检查点：它保存的与本记录不符，请立即查明。"
    en = "A witness refused the checkpoint: what it holds is not the beginning of this record. Look into it at once."


class WitnessHoldsError(Exception):
    """It holds a checkpoint of `size` events; the proof has to begin there."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self.size = size


class Witness(Protocol):
    name: str

    async def submit(self, old_size: int, proof: Sequence[bytes], note: str) -> list[SignatureLine]:
        """Its cosignatures, verified; none from one that does not sign. `note` is kept by it when this returns.

        Raises WitnessHoldsError when it holds another size than old_size, WitnessRefusedError and WitnessAwayError.
        """


class FileWitness:
    """A folder elsewhere, a mounted share for one: each checkpoint is added to a file, nothing in it is changed.

    It looks for itself: what is smaller, or does not continue what it holds, is not taken.
    """

    def __init__(self, folder: Path, key: VerifierKey) -> None:
        self.name = f"file:{folder}"
        self._folder = folder
        self._key = key
        self._file = folder / (key.name.replace("/", "_") + ".checkpoints")

    async def submit(self, old_size: int, proof: Sequence[bytes], note: str) -> list[SignatureLine]:
        try:
            await asyncio.to_thread(self._take, old_size, proof, note)
        except OSError as error:
            raise WitnessAwayError(f"[{error.strerror}: {self._folder}]") from error
        return []

    def newest(self) -> Checkpoint | None:
        """What it holds. Raises WitnessRefusedError when that is not ours, OSError when the folder is away."""
        if not self._folder.is_dir():
            raise FileNotFoundError(2, "No such folder", str(self._folder))
        try:
            with self._file.open("rb") as file:
                return self._newest(_tail(file))
        except FileNotFoundError:
            return None

    def _take(self, old_size: int, proof: Sequence[bytes], note: str) -> None:
        checkpoint = Checkpoint.parse(note)
        checkpoint.verify(self._key)
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            content = _tail(file)
            held = self._newest(content)
            if (held.size if held else 0) != old_size:
                raise WitnessHoldsError(held.size if held else 0)
            if held is not None:
                try:
                    verify_consistency(held.size, checkpoint.size, proof, held.root, checkpoint.root)
                except ProofError as error:
                    raise WitnessRefusedError(f"[{self.name}: {error}]") from error
            if held is None or checkpoint.size > held.size:
                unfinished = len(content) - (content.rfind(_END) + len(_END) if _END in content else 0)
                if unfinished:  # by a process that was killed
                    file.truncate(file.seek(0, os.SEEK_END) - unfinished)
                file.write(str(checkpoint).encode() + _END[1:])
                file.flush()
                os.fsync(file.fileno())

    def _newest(self, content: bytes) -> Checkpoint | None:
        notes = content.decode("utf-8", "replace").split(_END.decode())[:-1]
        if not notes:
            return None
        try:
            checkpoint = Checkpoint.parse(notes[-1] + "\n")
            checkpoint.verify(self._key)
        except NoteError as error:
            raise WitnessRefusedError(f"[{self._file}: {error}]") from error
        return checkpoint


def _tail(file: BinaryIO) -> bytes:
    """Enough of the end to hold the last note whole."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - 2 * MAX_NOTE))
    return file.read()


async def show(log: LogTree, witness: Witness, checkpoint: Checkpoint, held: int = 0) -> list[SignatureLine]:
    """Brings one witness up to this checkpoint. held: the size it is thought to hold. Raises as `submit` does."""
    for _ in range(3):  # another process may show it one in between
        if held > checkpoint.size:
            raise WitnessRefusedError(f"[{witness.name} holds {held} events, the record has signed {checkpoint.size}]")
        proof = await log.consistency(held, checkpoint.size)
        try:
            return await witness.submit(held, proof, str(checkpoint))
        except WitnessHoldsError as holds:
            if holds.size == held:
                raise WitnessRefusedError(f"[{witness.name}: another tree of {held} events]") from holds
            held = holds.size
    raise WitnessAwayError(f"[{witness.name} moves faster than we do]")


@dataclass
class Witnessing:
    """size: of the newest checkpoint that the witness holds; at: seconds of time.monotonic when it took it."""

    witness: Witness
    size: int = 0
    at: float | None = None
    lines: Sequence[SignatureLine] = ()
    trouble: EventStoreError | None = None

    @property
    def age(self) -> float | None:
        return None if self.at is None else time.monotonic() - self.at


class WitnessKeeper:
    """Shows every witness the newest checkpoint; one that is away holds up neither the notary nor the others."""

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        notary: Notary,
        witnesses: Sequence[Witness],
        *,
        again: float = 15.0,
        patience: float = 20.0,
    ) -> None:
        self._connect = connect
        self._notary = notary
        self._again, self._patience = again, patience
        self.status = [Witnessing(witness) for witness in witnesses]

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for each in self.status:
                group.create_task(self._keep(each))

    async def _keep(self, each: Witnessing) -> None:
        while True:
            try:
                if each.at is None:
                    await self._remember(each)
                await self._bring(each, await self._notary.wait_beyond(each.size))
                each.trouble = None
            except EventStoreError as error:
                level = logging.CRITICAL if isinstance(error, WitnessRefusedError) else logging.WARNING
                logger.log(level, "not witnessed: %s", error.code, extra={"witness": each.witness.name})
                each.trouble = error
                await asyncio.sleep(self._again)
            except (TimeoutError, *LOST) as error:
                logger.warning("not witnessed: %s", type(error).__name__, extra={"witness": each.witness.name})
                each.trouble = WitnessAwayError(f"[{type(error).__name__}]")
                await asyncio.sleep(self._again)

    async def _bring(self, each: Witnessing, checkpoint: Checkpoint) -> None:
        connection = await self._connect()
        try:
            async with asyncio.timeout(self._patience):
                lines = await show(LogTree(connection), each.witness, checkpoint, each.size)
            text = "".join(map(str, lines))
            await connection.execute(_NOTE, checkpoint.size, each.witness.name, text, timeout=STATEMENT_SECONDS)
        finally:
            connection.terminate()
        each.size, each.at, each.lines = checkpoint.size, time.monotonic(), lines

    async def _remember(self, each: Witnessing) -> None:
        connection = await self._connect()
        try:
            for row in await connection.fetch(_SEEN, timeout=STATEMENT_SECONDS):
                if row["witness"] == each.witness.name:
                    each.size, each.at = row["size"], time.monotonic() - row["age"]
                    each.lines = [SignatureLine.parse(line) for line in row["cosignatures"].splitlines()]
        finally:
            connection.terminate()
