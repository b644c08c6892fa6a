"""Stills, handwriting, sheets and recordings of an inspection: how the edge puts them in and gets them out."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid5

from cases.attachments import AttachmentMissingError
from cases.clock import SHANGHAI
from cases.errors import MissingError, RefusedError
from cases.photo import read_photo, watermark
from eventstore import ErasedError
from inspection.commands import TakeStill
from inspection.policies import MARKED, RECORD
from inspection.recorder import journal_path
from inspection.recording.mux import Derived, NothingRecordedError, derive
from inspection.sheet.render import preview_png
from inspection.signing import read_handwriting

if TYPE_CHECKING:
    from projections.rows import InspectionRow
    from web.services import Services

ORIGINAL = "original"
_PREVIEWS = 16
_COPIES_KEPT = 86400.0  # seconds
_PICTURES_AT_ONCE = 2  # as for uploads: a large one takes 200 MB while it is decoded
_OPENINGS_REMEMBERED = 1000
_SAME_OPENING = 600.0  # seconds


class Evidence:
    """Contents lie under the applicant's key of the inspection's case."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._heavy = asyncio.Semaphore(1)  # deriving and rendering: seconds of one core each
        self._pictures = asyncio.Semaphore(_PICTURES_AT_ONCE)
        self._openings: OrderedDict[tuple[bytes, UUID, str], float] = OrderedDict()
        self._previews: OrderedDict[str, list[bytes]] = OrderedDict()
        self._derived: dict[Path, Derived] = {}  # by journal; a sealed journal does not change any more

    async def read(self, row: InspectionRow, id: UUID, variant: str) -> bytes:
        """Raises ErasedError when it is gone by law, AttachmentMissingError when it is not there."""
        try:
            content = await self._services.attachments.get(id, variant)
        except AttachmentMissingError:
            await self._require_kept(row)
            raise
        return await self._services.store.vault.open_blob(content, row.case_id)

    async def _require_kept(self, row: InspectionRow) -> None:
        """Also before what is shown from memory or from the disk, where no key is needed to see it."""
        if not await self._services.store.vault.holds(*_key(row)):
            raise ErasedError

    async def put(self, row: InspectionRow, id: UUID, contents: Mapping[str, bytes]) -> None:
        cipher = await self._services.store.vault.cipher(*_key(row))
        await self._services.attachments.put(
            id, {variant: cipher.seal(content) for variant, content in contents.items()}
        )

    async def take_still(self, row: InspectionRow, command_id: UUID, item: str, data: bytes, place: str) -> TakeStill:
        """Checks and stores the picture with its watermarked copy; the command then says that it was taken.

        Its id depends on the picture: another one under the same key never replaces what is in the record.
        """
        title = self._services.catalogue.version(row.item, row.item_version).check(item).title.zh
        at = self._services.clock().astimezone(SHANGHAI)
        lines = [f"{at:%Y-%m-%d %H:%M:%S} 北京时间", f"{row.case_number} {title}", place]
        async with self._pictures:
            photo = await asyncio.to_thread(read_photo, data)
            id = uuid5(command_id, f"still {hashlib.sha256(photo.original).hexdigest()}")
            try:
                marked = await self.read(row, id, MARKED)  # sent again: the time on it is that of the first attempt
            except AttachmentMissingError:
                marked = await asyncio.to_thread(watermark, data, [line for line in lines if line])
                await self.put(row, id, {ORIGINAL: photo.original, MARKED: marked})
        return TakeStill(
            inspection_id=row.id,
            still_id=id,
            item=item,
            sha256=hashlib.sha256(photo.original).hexdigest(),
            marked_sha256=hashlib.sha256(marked).hexdigest(),
            width=photo.width,
            height=photo.height,
        )

    async def ink(self, drawn: str, command_id: UUID) -> tuple[bytes, str, UUID]:
        """Handwriting as a clean PNG, its SHA-256 and the id under which it will lie, which depends on it."""
        async with self._pictures:
            png = await asyncio.to_thread(read_handwriting, drawn)
        sha256 = hashlib.sha256(png).hexdigest()
        return png, sha256, uuid5(command_id, f"handwriting {sha256}")

    @asynccontextmanager
    async def kept_if_accepted(self, id: UUID) -> AsyncIterator[None]:
        """Around the command that names what was stored under this id: refused, nothing of it stays."""
        try:
            yield
        except RefusedError:
            await self._services.attachments.delete(id)
            raise

    async def preview(self, row: InspectionRow, page: int) -> bytes:
        """A page of the sheet as a picture, as it is shown before signing."""
        assert row.sheet.record is not None
        await self._require_kept(row)
        pages = self._previews.get(row.sheet.digest)
        if pages is None:
            async with self._heavy:
                pages = self._previews.get(row.sheet.digest) or await self._render(row, row.sheet.record)
        if not 1 <= page <= len(pages):
            raise MissingError
        return pages[page - 1]

    async def _render(self, row: InspectionRow, record_id: UUID) -> list[bytes]:
        record = await self.read(row, record_id, RECORD)
        stills = {str(still.id): await self.read(row, still.id, MARKED) for still in row.stills}
        pages = self._previews[row.sheet.digest] = await asyncio.to_thread(preview_png, record, stills)
        while len(self._previews) > _PREVIEWS:
            self._previews.popitem(last=False)
        return pages

    def opens(self, session: bytes, inspection: UUID, what: str) -> bool:
        """Whether this is a new opening: a player asks for many ranges of a file, in whatever order it likes."""
        key, now = (session, inspection, what), self._services.clock().timestamp()
        last = self._openings.pop(key, None)
        self._openings[key] = now
        while len(self._openings) > _OPENINGS_REMEMBERED:
            self._openings.popitem(last=False)
        return last is None or now - last > _SAME_OPENING

    async def playable(self, row: InspectionRow, part: int, participant: str) -> Derived:
        """The playable file of a finished part; made when it is first asked for."""
        await self._require_kept(row)
        known = any((r.part, r.participant) == (part, participant) and r.status != "running" for r in row.recordings)
        if not known:
            raise MissingError(
                "这一段录音录像还未固定，请在勘验结束后再看。", "This part is not sealed yet. Look again after the end."
            )
        journal = journal_path(self._services.settings.recordings, row.id, participant, part)
        async with self._heavy:
            made = self._derived.get(journal)
            if made is None or not made.path.exists():
                folder = self._services.settings.derived / str(row.id)
                made = self._derived[journal] = await asyncio.to_thread(_derive, journal, folder)
        return made

    async def sweep(self) -> None:
        """Removes playable copies that were made over a day ago; they are made again when asked for."""
        old = self._services.clock().timestamp() - _COPIES_KEPT
        self._derived = {key: made for key, made in self._derived.items() if made.path.exists()}
        await asyncio.to_thread(_remove_older, self._services.settings.derived, old)


def _remove_older(folder: Path, than: float) -> None:
    for file in folder.glob("*/*"):
        if file.stat().st_mtime < than:
            file.unlink(missing_ok=True)


def _derive(journal: Path, folder: Path) -> Derived:
    folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return derive(journal, folder)
    except NothingRecordedError as nothing:
        raise MissingError(nothing.zh, nothing.en) from nothing
    except FileNotFoundError as missing:
        raise MissingError from missing


def _key(row: InspectionRow) -> tuple[UUID, UUID]:
    return UUID(row.applicant.partition(":")[2]), row.case_id
