"""What people upload: photos and PDF files, checked by content, and the folder in which they lie encrypted."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from secrets import token_hex
from typing import Literal
from uuid import UUID

from cases.errors import MissingError, RefusedError
from cases.photo import PhotoTooLargeError, read_photo
from eventstore import key_of_blob

MAX_BYTES = 20 * 1024 * 1024
GUARD_SECONDS = 20
_GUARD = Path(__file__).with_name("pdf_guard.py")
_VARIANT = re.compile(r"[a-z]{1,20}")
_PHOTO_ENDINGS = {".jpg", ".jpeg", ".jfif", ".png", ".webp", ".heic", ".heif"}

Kind = Literal["photo", "pdf"]


class UploadRefusedError(RefusedError):
    code = "upload-refused"
    kind = "invalid"
    zh = "这个文件无法使用，请换成照片（JPEG、PNG、WEBP）或 PDF 文件后再上传。"
    en = "This file cannot be used. Upload a photo (JPEG, PNG, WEBP) or a PDF instead."


class UploadEmptyError(UploadRefusedError):
    code = "upload-empty"
    zh = "收到的是空文件，请重新选择文件后再上传。"
    en = "The file arrived empty. Choose it again and upload."


class UploadTooLargeError(UploadRefusedError):
    code = "upload-too-large"
    zh = "文件超过 20 MB。请压缩后再上传，或分成几个文件分别上传。"
    en = "The file is larger than 20 MB. Compress it, or split it and upload the parts."


class UploadTypeError(UploadRefusedError):
    code = "upload-type"


class UploadMislabelledError(UploadRefusedError):
    code = "upload-not-what-it-says"
    zh = "文件内容与它的名称或类型不符。请打开文件确认内容，另存为照片或 PDF 后再上传。"
    en = "The content does not match the file's name or type. Open it, save it as a photo or PDF, and upload that."


class UploadTwofoldError(UploadRefusedError):
    code = "upload-two-files-in-one"
    zh = "这个文件里还夹带着另一个文件。请重新拍照，或重新导出 PDF 后再上传。"
    en = "Another file is hidden inside this one. Take the photo again, or export the PDF again, and upload that."


class PdfBrokenError(UploadRefusedError):
    code = "pdf-broken"
    zh = "PDF 文件不完整或已损坏。请重新导出或重新扫描后再上传。"
    en = "The PDF is incomplete or damaged. Export or scan it again and upload the new file."


class PdfEncryptedError(UploadRefusedError):
    code = "pdf-encrypted"
    zh = "PDF 文件设有密码或权限限制。请取消密码后另存，再上传。"
    en = "The PDF is protected by a password. Save a copy without protection and upload that."


class PdfActiveError(UploadRefusedError):
    code = "pdf-active-content"
    zh = "PDF 文件含有脚本、附件或外部程序链接。请用“打印为 PDF”重新生成后再上传。"
    en = "The PDF contains scripts, attachments or links to programs. Use “print to PDF” and upload the result."


class PdfPagesError(UploadRefusedError):
    code = "pdf-no-pages"
    zh = "PDF 文件里没有页面。请重新导出后再上传。"
    en = "The PDF has no pages. Export it again and upload the new file."


class AttachmentMissingError(MissingError):
    code = "attachment-missing"
    zh = "没有找到这份附件。请刷新页面；如仍找不到，请重新上传。"
    en = "This attachment was not found. Refresh the page; if it is still missing, upload it again."


@dataclass(frozen=True)
class Upload:
    """A checked upload.

    original: the bytes as received, for download only (`attachment`, `nosniff`): re-encoding did not clean them.
    name: personal data like the content; belongs in the vault, not in an event or a log, hence not in `repr`.
    display, thumbnail: JPEG and WEBP made by us; None for a PDF.
    """

    kind: Kind
    media_type: str
    sha256: str
    size: int
    name: str = field(repr=False)
    original: bytes = field(repr=False)
    display: bytes | None = field(repr=False, default=None)
    thumbnail: bytes | None = field(repr=False, default=None)


def inspect_upload(name: str, declared_type: str, data: bytes) -> Upload:
    """Checks one upload; raises an UploadRefusedError or PhotoRefusedError. Blocks up to seconds: call in a thread."""
    if not data:
        raise UploadEmptyError
    says = _kinds_said(name, declared_type)
    if len(data) > MAX_BYTES:
        raise PhotoTooLargeError if says == {"photo"} else UploadTooLargeError
    kind = _kind_found(data)
    if kind is None:
        raise UploadMislabelledError if says else UploadTypeError
    if says - {kind}:
        raise UploadMislabelledError
    _refuse_twofold(kind, data)
    digest, clean_name = hashlib.sha256(data).hexdigest(), _clean_name(name)
    if kind == "pdf":
        _check_pdf(data)
        return Upload("pdf", "application/pdf", digest, len(data), clean_name, data)
    photo = read_photo(data)
    return Upload(
        "photo", photo.media_type, digest, len(data), clean_name, data, photo.display(), photo.thumbnail()
    )  # fmt: skip


def _kinds_said(name: str, declared_type: str) -> set[str]:
    """The kinds that name and type claim; what is neither photo nor PDF counts as `other`."""
    said: set[str] = set()
    ending = PurePath(name.lower()).suffix
    if ending:
        said.add("photo" if ending in _PHOTO_ENDINGS else "pdf" if ending == ".pdf" else "other")
    media_type = declared_type.partition(";")[0].strip().lower()
    if media_type not in ("", "application/octet-stream"):
        said.add("photo" if media_type.startswith("image/") else "pdf" if media_type == "application/pdf" else "other")
    return said


def _kind_found(data: bytes) -> Kind | None:
    if data.startswith(b"%PDF-"):
        return "pdf"
    riff = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    heic = data[4:8] == b"ftyp"  # refused by `read_photo`, with the sentence that helps
    return "photo" if riff or heic or data.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) else None


def _refuse_twofold(kind: Kind, data: bytes) -> None:
    """Files that two programs would read as two different things: a picture and a PDF, either one and a ZIP."""
    if kind == "photo" and b"%PDF-" in data[:1024]:  # PDF readers accept their header anywhere in there
        raise UploadTwofoldError
    end = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))  # APPNOTE 4.3.16: end of central directory
    if end >= 0 and int.from_bytes(data[end + 20 : end + 22], "little") == len(data) - end - 22:
        raise UploadTwofoldError


def _check_pdf(data: bytes) -> None:
    end = data.rfind(b"%%EOF", max(0, len(data) - 1024))
    if end < 0:
        raise PdfBrokenError
    if data[end + 5 :].strip(b"\r\n\t \0"):
        raise UploadTwofoldError
    try:
        answer = subprocess.run(  # noqa: S603 - fixed command line, the upload goes through standard input
            [sys.executable, "-I", str(_GUARD)], input=data, capture_output=True, timeout=GUARD_SECONDS, check=False
        ).stdout
    except subprocess.TimeoutExpired as slow:
        raise PdfBrokenError from slow
    if answer != b"ok":
        refusals = {b"encrypted": PdfEncryptedError, b"active": PdfActiveError, b"no-pages": PdfPagesError}
        raise refusals.get(answer, PdfBrokenError)


def _clean_name(name: str) -> str:
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(filter(str.isprintable, last))[-120:]


class AttachmentStore:
    """A folder of encrypted contents, each in the file `<uuid>.<variant>`; the caller holds the keys.

    A file appears whole or not at all. Names tell nothing, and are never taken from people.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def put(self, id: UUID, sealed: Mapping[str, bytes]) -> None:
        """Stores all variants; none is visible before every one is on the disk."""
        paths = {self._path(id, variant): content for variant, content in sealed.items()}
        await asyncio.to_thread(self._write, paths)

    async def get(self, id: UUID, variant: str) -> bytes:
        try:
            return await asyncio.to_thread(self._path(id, variant).read_bytes)
        except FileNotFoundError as missing:
            raise AttachmentMissingError from missing

    async def delete(self, id: UUID) -> None:
        """Removes every variant, and what an interrupted `put` left behind; nothing there is no error."""
        await asyncio.to_thread(self._remove, id)

    async def delete_under(self, keys: Collection[UUID]) -> None:
        """Removes every content sealed under one of these data keys, drafts and forgotten ones too, whatever names it.

        Each file says in its first bytes which key it lies under; no more is read.
        """
        if keys:
            await asyncio.to_thread(self._remove_under, frozenset(keys))

    def _path(self, id: UUID, variant: str) -> Path:
        if not _VARIANT.fullmatch(variant):
            raise ValueError("a variant is a short word of lower-case letters")
        return self._folder / f"{UUID(str(id))}.{variant}"

    def _write(self, paths: Mapping[Path, bytes]) -> None:
        # Of its own name, so that two who store the same file at once do not write into one draft.
        drafts = {path.with_name(f"{path.name}.{token_hex(4)}.tmp"): path for path in paths}
        try:
            for draft, path in drafts.items():
                with draft.open("wb") as file:
                    draft.chmod(0o600)
                    file.write(paths[path])
                    file.flush()
                    os.fsync(file.fileno())
            for draft, path in drafts.items():
                draft.replace(path)
        finally:
            for draft in drafts:
                draft.unlink(missing_ok=True)
        self._sync_folder()

    def _remove(self, id: UUID) -> None:
        for path in self._folder.glob(f"{UUID(str(id))}.*"):
            with suppress(FileNotFoundError):
                path.unlink()
        self._sync_folder()

    def _remove_under(self, keys: frozenset[UUID]) -> None:
        for path in self._folder.iterdir():
            with suppress(FileNotFoundError):
                with path.open("rb") as file:
                    beginning = file.read(17)
                if key_of_blob(beginning) in keys:
                    path.unlink()
        self._sync_folder()

    def _sync_folder(self) -> None:
        handle = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
