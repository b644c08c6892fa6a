"""Uploads: hostile files are refused, each with its own sentence; what is accepted is stored whole."""

from __future__ import annotations

import asyncio
import zipfile
import zlib
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from pypdf import PdfWriter
from pypdf.generic import DictionaryObject, NameObject, PdfObject, TextStringObject

from cases.attachments import AttachmentMissingError, AttachmentStore, inspect_upload
from cases.errors import RefusedError
from tests.unit.documents.sheets import encoded, picture

ID = UUID("018f6f2e-0000-7000-8000-000000000001")


def pdf(
    pages: int = 1, *, script: bool = False, attached: bool = False, launch: bool = False, password: str = ""
) -> bytes:
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(210, 297)
    if script:
        action = {NameObject("/S"): NameObject("/JavaScript"), NameObject("/JS"): TextStringObject("app.alert(1)")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(action)
    if attached:
        writer.add_attachment("a.exe", b"MZ")
    if launch:
        kind = writer._add_object(NameObject("/Launch"))  # said elsewhere in the file, by reference
        start: dict[PdfObject, PdfObject] = {NameObject("/S"): kind, NameObject("/F"): TextStringObject("cmd")}
        writer.root_object[NameObject("/OpenAction")] = DictionaryObject(start)
    if password:
        writer.encrypt(password, algorithm="RC4-128")
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


def hidden_script() -> bytes:
    """The script's action lies in a compressed object stream, its name written with an escape."""
    action = b"<</S/J#61vaScript/J#53(app.alert\\(1\\))>>"
    inside = zlib.compress(b"4 0 " + action)
    parts = [
        b"1 0 obj<</Type/Catalog/Pages 2 0 R/OpenAction 4 0 R>>endobj\n",
        b"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n",
        b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n",
        b"5 0 obj<</Type/ObjStm/N 1/First 4/Filter/FlateDecode/Length %d>>stream\n" % len(inside)
        + inside
        + b"\nendstream endobj\n",
    ]
    body, offsets = b"%PDF-1.7\n", []
    for part in parts:
        offsets.append(len(body))
        body += part
    one, two, three, five = offsets
    rows = [(0, 0, 0), (1, one, 0), (1, two, 0), (1, three, 0), (2, 5, 0), (1, five, 0), (1, len(body), 0)]
    table = zlib.compress(b"".join(bytes([a]) + b.to_bytes(4, "big") + bytes([c]) for a, b, c in rows))
    head = b"6 0 obj<</Type/XRef/Size 7/W[1 4 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n" % len(table)
    return body + head + table + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % len(body)


def unfolding() -> bytes:
    """A cross-reference stream of some megabytes that unfolds to four gigabytes."""
    packer = zlib.compressobj(9)
    zeros = bytes(16 * 1024 * 1024)
    first, again = (packer.compress(zeros) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    table = first + again * 255 + packer.flush()
    head = b"%%PDF-1.7\n6 0 obj<</Type/XRef/Size 7/W[1 4 1]/Root 1 0 R/Filter/FlateDecode/Length %d>>stream\n" % len(
        table
    )
    return head + table + b"\nendstream endobj\nstartxref\n9\n%%EOF\n"


def archive() -> bytes:
    out = BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("evil.js", "alert(1)")
    return out.getvalue()


JPEG = encoded(picture(64, 64))
TWOFOLD = JPEG[:2] + b"\xff\xfe\0\x0a%PDF-1.7" + JPEG[2:]
CIRCLE = b"%PDF-1.7\n1 0 obj 1 0 R endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF"
HOSTILE = {
    "an empty file": ("a.pdf", "application/pdf", b"", "upload-empty"),
    "a photo of 40 MB": ("a.jpg", "image/jpeg", JPEG + bytes(40 * 1024 * 1024), "photo-too-large"),
    "a PDF of 40 MB": ("a.pdf", "application/pdf", pdf() + bytes(40 * 1024 * 1024), "upload-too-large"),
    "a program": ("a.exe", "application/x-msdownload", b"MZ\x90\0", "upload-not-what-it-says"),
    "a program without a name": ("a", "", b"\x7fELF", "upload-type"),
    "a text named as a photo": ("a.jpg", "image/jpeg", b"hello", "upload-not-what-it-says"),
    "a photo named as a PDF": ("a.pdf", "image/jpeg", JPEG, "upload-not-what-it-says"),
    "a photo declared as a page": ("a.jpg", "text/html", JPEG, "upload-not-what-it-says"),
    "a PDF named as a photo": ("a.jpg", "", pdf(), "upload-not-what-it-says"),
    "a HEIC photo": ("a.heic", "image/heic", b"\0\0\0\x18ftypheic\0\0\0\0", "photo-heic"),
    "a photo that is a PDF as well": ("a.jpg", "image/jpeg", TWOFOLD, "upload-two-files-in-one"),
    "a photo that is an archive as well": ("a.jpg", "image/jpeg", JPEG + archive(), "upload-two-files-in-one"),
    "a PDF that is an archive as well": ("a.pdf", "application/pdf", pdf() + archive(), "upload-two-files-in-one"),
    "half a PDF": ("a.pdf", "application/pdf", pdf()[:200], "pdf-broken"),
    "a PDF's head and tail only": ("a.pdf", "application/pdf", b"%PDF-1.7\n%%EOF\n", "pdf-broken"),
    "a PDF that leads in a circle": ("a.pdf", "application/pdf", CIRCLE, "pdf-broken"),
    "a PDF that unfolds to gigabytes": ("a.pdf", "application/pdf", unfolding(), "pdf-broken"),
    "a PDF without pages": ("a.pdf", "application/pdf", pdf(0), "pdf-no-pages"),
    "a PDF with a password": ("a.pdf", "application/pdf", pdf(password="x"), "pdf-encrypted"),
    "a PDF with a script": ("a.pdf", "application/pdf", pdf(script=True), "pdf-active-content"),
    "a PDF with a hidden script": ("a.pdf", "application/pdf", hidden_script(), "pdf-active-content"),
    "a PDF with an attachment": ("a.pdf", "application/pdf", pdf(attached=True), "pdf-active-content"),
    "a PDF that starts a program": ("a.pdf", "application/pdf", pdf(launch=True), "pdf-active-content"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_or_wrong_upload_is_refused_with_its_own_sentence(name: str) -> None:
    file_name, declared, data, code = HOSTILE[name]
    with pytest.raises(RefusedError) as refused:
        inspect_upload(file_name, declared, data)
    assert refused.value.code == code
    assert refused.value.kind == "invalid" and "请" in refused.value.zh and refused.value.en


def test_a_photo_comes_with_what_is_shown_of_it() -> None:
    upload = inspect_upload("厨房.JPG", "image/jpeg", JPEG)
    assert (upload.kind, upload.media_type, upload.size) == ("photo", "image/jpeg", len(JPEG))
    assert upload.original == JPEG and upload.display and upload.thumbnail


@pytest.mark.parametrize(
    ("name", "declared"), [("a.png", "image/png"), ("image", ""), ("a.jpg", "application/octet-stream")]
)
def test_a_photo_is_taken_for_what_it_contains_when_phones_mislabel_it(name: str, declared: str) -> None:
    assert inspect_upload(name, declared, JPEG).media_type == "image/jpeg"


def test_a_plain_pdf_is_accepted_as_it_is() -> None:
    upload = inspect_upload("平面图.pdf", "application/pdf", pdf(2))
    assert (upload.kind, upload.media_type, upload.display, upload.thumbnail) == ("pdf", "application/pdf", None, None)


def test_a_file_name_is_kept_apart_and_never_shown_by_accident() -> None:
    upload = inspect_upload("C:\\Users\\王小明\\王小明 身份证\u202egpj.jpg", "image/jpeg", JPEG)
    assert upload.name == "王小明 身份证gpj.jpg"
    assert "王小明" not in repr(upload)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_all_variants_are_stored_and_all_are_removed(tmp_path: Path) -> None:
    store = AttachmentStore(tmp_path / "attachments")
    await store.put(ID, {"original": b"sealed one", "display": b"sealed two"})
    assert await store.get(ID, "display") == b"sealed two"
    assert names(tmp_path / "attachments") == [f"{ID}.display", f"{ID}.original"]
    await store.delete(ID)
    await store.delete(ID)
    assert names(tmp_path / "attachments") == []
    with pytest.raises(AttachmentMissingError):
        await store.get(ID, "display")


async def test_an_interrupted_store_shows_nothing_half_done(tmp_path: Path) -> None:
    store = AttachmentStore(tmp_path)
    unwritable: bytes = "not bytes"  # type: ignore[assignment] # makes the second write fail
    with pytest.raises(TypeError):
        await store.put(ID, {"original": b"sealed", "display": unwritable})
    assert names(tmp_path) == []


async def test_the_same_file_stored_twice_at_once_is_one_of_the_two_and_whole(tmp_path: Path) -> None:
    store, contents = AttachmentStore(tmp_path), [bytes([number]) * 2_000_000 for number in range(8)]
    await asyncio.gather(*(store.put(ID, {"original": content}) for content in contents))
    assert await store.get(ID, "original") in contents
    assert names(tmp_path) == [f"{ID}.original"]


@pytest.mark.parametrize("variant", ["../x", "a/b", "", "A", "display.tmp"])
async def test_names_in_the_store_are_never_taken_from_people(tmp_path: Path, variant: str) -> None:
    with pytest.raises(ValueError, match="variant"):
        await AttachmentStore(tmp_path).get(ID, variant)
