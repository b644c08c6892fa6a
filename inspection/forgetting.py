"""What inspections of an erased case leave behind, and how it goes: evidence by id, recordings from the disk."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from cases.commands import ErasedPart
from cases.forgetting import Evidence
from eventstore import EventStore
from inspection import events as e
from inspection.recorder import folder_of


@dataclass(frozen=True)
class InspectionRemains:
    """Implements `cases.forgetting.Inspections`. derived: playable copies, one folder per inspection."""

    store: EventStore
    recordings: Path
    derived: Path

    async def left_by(self, inspection_id: UUID) -> Evidence:
        files: list[str] = []
        parts: list[ErasedPart] = []
        for recorded in await self.store.events(inspection_id):
            match recorded.event:
                case e.StillTaken() as event:
                    files.append(event.still)
                case e.SheetDrafted() as event:
                    files.append(event.record)
                case e.SheetSigned() as event:
                    files.append(event.handwriting)
                case e.SheetSealed() as event:
                    files.append(event.pdf)
                case e.RecordingOpened() as event:
                    part = ErasedPart(inspection=inspection_id, participant=event.participant, part=event.part)
                    parts.append(part)
        return Evidence([UUID(file) for file in files], parts)

    async def destroy(self, inspection_id: UUID) -> None:
        for folder in (folder_of(self.recordings, inspection_id), self.derived / str(inspection_id)):
            await asyncio.to_thread(_remove, folder)


def _remove(folder: Path) -> None:
    """Gone also after a power cut: the folder that held it is on the disk without it."""
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    with suppress(FileNotFoundError):
        handle = os.open(folder.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
