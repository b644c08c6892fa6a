"""Uploads on their way into a case: checked, encrypted under a key of their own, claimed when they are filed.

A file's data key has the person as its subject and the file's id, which the case's events name, as its scope:
erasing a person, or a case, finds every key. What an officer scanned comes under the applicant's key before any event
names it. A blob names its key, so it can be read at every moment of that change, also after a crash in the middle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cases.attachments import AttachmentMissingError, AttachmentStore, inspect_upload
from cases.errors import RefusedError
from cases.intake import ClaimedFile
from eventstore import ErasedError, EventStore
from web.database import Database

KEPT = timedelta(days=2)
MOST_WAITING = 60
_AT_ONCE = 2  # a photo of 64 megapixels takes 200 MB while it is decoded


class TooManyFilesError(RefusedError):
    code = "too-many-files"
    zh = "待提交的文件过多，请先提交本次申请，或明天再上传。"
    en = "Too many files are waiting. Submit this application first, or upload again tomorrow."


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    id: UUID
    owner: str
    kind: str
    media_type: str
    sha256: str
    size: int
    subject: UUID
    case_id: UUID | None
    name: str | None = field(repr=False)  # None once it was erased


class Files:
    """Implements `cases.intake.StagedFiles`."""

    def __init__(
        self, database: Database, store: EventStore, attachments: AttachmentStore, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._store = store
        self._attachments = attachments
        self._clock = clock
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def add(self, id: UUID, owner: str, name: str, media_type: str, data: bytes) -> StoredFile:
        """Checks and stores one upload; sent again under the same id, it is the same file."""
        if known := await self._find(id, owner):
            return known
        waiting = await self._database.value(
            "SELECT count(*) FROM web.files WHERE owner = $1 AND claimed_at IS NULL", owner
        )
        if waiting >= MOST_WAITING:
            raise TooManyFilesError
        async with self._slots:
            upload = await asyncio.to_thread(inspect_upload, name, media_type, data)
        subject = UUID(owner.partition(":")[2])
        cipher = await self._store.vault.cipher(subject, id)
        variants = {"original": upload.original, "display": upload.display, "thumbnail": upload.thumbnail}
        await self._attachments.put(
            id, {variant: cipher.seal(content) for variant, content in variants.items() if content is not None}
        )
        await self._database.execute(
            "INSERT INTO web.files (id, owner, kind, media_type, sha256, size, subject, name, uploaded_at) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING",
            id, owner, upload.kind, upload.media_type, upload.sha256, upload.size, subject,
            cipher.seal(upload.name.encode()), self._clock(),
        )  # fmt: skip
        return await self.get(id)

    async def get(self, id: UUID) -> StoredFile:
        row = await self._database.row("SELECT * FROM web.files WHERE id = $1", id)
        if row is None:
            raise AttachmentMissingError
        return StoredFile(
            id=id,
            owner=row["owner"],
            kind=row["kind"],
            media_type=row["media_type"],
            sha256=row["sha256"],
            size=row["size"],
            subject=row["subject"],
            case_id=row["case_id"],
            name=(await self._store.vault.open_blob(row["name"], id)).decode() if row["name"] else None,
        )

    async def content(self, file: StoredFile, variant: str) -> bytes:
        if file.name is None:
            raise ErasedError
        return await self._store.vault.open_blob(await self._attachments.get(file.id, variant), file.id)

    async def claim(self, ids: Sequence[UUID], owner: str, subject: UUID) -> list[ClaimedFile]:
        rows = await self._database.fetch(
            "UPDATE web.files SET claimed_at = coalesce(claimed_at, $3) "
            "WHERE id = ANY($1::uuid[]) AND owner = $2 AND case_id IS NULL RETURNING id",
            list(ids), owner, self._clock(),
        )  # fmt: skip
        if {row["id"] for row in rows} != set(ids):
            raise AttachmentMissingError
        files = [await self.get(id) for id in ids]
        for file in files:
            if file.subject != subject:
                await self._hand_over(file, subject)
        return [
            ClaimedFile(id=file.id, kind=file.kind, sha256=file.sha256, size=file.size, name=file.name or "")
            for file in files
        ]

    async def adopt(self, ids: Sequence[UUID], case_id: UUID) -> None:
        """Notes with which case the files were filed; from then on no other case can claim them."""
        await self._database.execute(
            "UPDATE web.files SET case_id = $2 WHERE id = ANY($1::uuid[]) AND case_id IS NULL", list(ids), case_id
        )

    async def _hand_over(self, file: StoredFile, subject: UUID) -> None:
        """Done again after a crash, it goes on from wherever it stopped; the row follows the contents."""
        new = await self._store.vault.cipher(subject, file.id)
        variants = ("original", "display", "thumbnail") if file.kind == "photo" else ("original",)
        contents = {name: await self.content(file, name) for name in variants}
        await self._attachments.put(file.id, {name: new.seal(content) for name, content in contents.items()})
        await self._database.execute(
            "UPDATE web.files SET subject = $2, name = $3 WHERE id = $1",
            file.id, subject, new.seal((file.name or "").encode()),
        )  # fmt: skip

    async def sweep(self) -> None:
        """Removes what was uploaded and never filed."""
        rows = await self._database.fetch(
            "DELETE FROM web.files WHERE claimed_at IS NULL AND uploaded_at < $1 RETURNING id", self._clock() - KEPT
        )
        for row in rows:
            await self._attachments.delete(row["id"])

    async def _find(self, id: UUID, owner: str) -> StoredFile | None:
        known = await self._database.value("SELECT owner FROM web.files WHERE id = $1", id)
        return await self.get(id) if known == owner else None
