"""The seal: valid for two independent readers, and broken by any change."""

from __future__ import annotations

import shutil
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from inspection.sheet import record as r
from inspection.sheet.render import render
from inspection.signing import SealKeyError, SealKeys, check_seal, seal
from tests.unit.documents.sheets import on_site

NOW = datetime.now(UTC)


@lru_cache(maxsize=1)
def keys() -> SealKeys:
    with TemporaryDirectory() as folder:
        return SealKeys.load_or_create(Path(folder), now=NOW)


@lru_cache(maxsize=1)
def sealed() -> bytes:
    return seal(render(r.canonical(on_site()), {}, (), "https://peiban.example/v"), keys(), reason="勘验单盖章", at=NOW)


def test_a_sealed_sheet_is_intact_valid_trusted_and_whole() -> None:
    report = check_seal(sealed(), keys().roots)
    assert report.good
    assert report.signer and "无法律效力" in report.signer, "the demonstration says what it is"


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler's pdfsig is not installed")
def test_poppler_agrees(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    path.write_bytes(sealed())
    said = subprocess.run(["pdfsig", "-nocert", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said and "Total document signed" in said and "ETSI.CAdES.detached" in said


def test_the_seal_leaves_record_and_text_readable() -> None:
    reader = PdfReader(BytesIO(sealed()))
    assert reader.attachments["sheet.json"] == [r.canonical(on_site())]
    assert "现场勘验单" in reader.pages[0].extract_text()


def test_the_time_in_the_seal_is_the_time_given() -> None:
    at = NOW.replace(microsecond=0) - timedelta(minutes=30)
    pdf = seal(render(r.canonical(on_site()), {}, (), ""), keys(), reason="x", at=at)
    fields = PdfReader(BytesIO(pdf)).get_fields() or {}
    assert fields["OfficeSeal"]["/V"]["/M"] == f"D:{at:%Y%m%d%H%M%S}Z"


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_one_flipped_bit_anywhere_breaks_the_seal(data: st.DataObject) -> None:
    damaged = bytearray(sealed())
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert not check_seal(bytes(damaged), keys().roots).good


def test_a_flipped_digit_of_the_signature_itself_is_noticed() -> None:
    # This part is not covered by the file's digest, nor by the signature all of it: lengths, names, padding,
    # the case of digits. The first 240 digits are the envelope; the rest is walked in strides.
    start = sealed().index(b"/Contents <") + len(b"/Contents ")
    end = sealed().index(b">", start)
    for place in [*range(start, start + 240, 3), *range(start + 240, end, 97), end]:
        damaged = bytearray(sealed())
        damaged[place] ^= 0x01 if place % 2 else 0x20
        assert not check_seal(bytes(damaged), keys().roots).good, f"digit {place - start}"


def test_what_is_appended_after_the_seal_is_noticed() -> None:
    assert not check_seal(sealed() + b"% more\n", keys().roots).good
    writer = PdfWriter(BytesIO(sealed()), incremental=True)
    writer.pages[0].rotate(180)
    turned = BytesIO()
    writer.write(turned)
    report = check_seal(turned.getvalue(), keys().roots)
    assert turned.getvalue().startswith(sealed())
    assert not report.covers_whole and not report.good


def test_a_seal_of_somebody_else_is_not_trusted(tmp_path: Path) -> None:
    other = SealKeys.load_or_create(tmp_path, now=NOW)
    report = check_seal(seal(render(r.canonical(on_site()), {}, (), ""), other, reason="x", at=NOW), keys().roots)
    assert report.intact and report.valid and not report.trusted


@pytest.mark.parametrize("pdf", [b"", b"%PDF-1.7\n%%EOF\n", b"no PDF at all"])
def test_what_bears_no_seal_is_reported_as_not_intact(pdf: bytes) -> None:
    assert not check_seal(pdf, keys().roots).intact


def test_an_unsealed_sheet_is_reported_as_not_intact() -> None:
    assert not check_seal(render(r.canonical(on_site()), {}, (), ""), keys().roots).intact


def test_the_demonstration_seal_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    first = SealKeys.load_or_create(tmp_path / "keys", now=NOW)
    assert SealKeys.load_or_create(tmp_path / "keys", now=NOW) == first
    assert first.demonstration
    [path] = (tmp_path / "keys").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "PRIVATE" not in repr(first)


def test_an_office_brings_its_own_seal_with_a_passphrase() -> None:
    private = load_pem_private_key(keys().key, None)
    locked = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    chain = keys().certificate + b"".join(keys().issuers)
    own = SealKeys.from_pem(chain, locked, b"secret")
    assert not own.demonstration
    assert check_seal(seal(render(r.canonical(on_site()), {}, (), ""), own, reason="x", at=NOW), keys().roots).good
    with pytest.raises(SealKeyError):
        SealKeys.from_pem(chain, locked, b"wrong")


def test_a_key_that_does_not_fit_its_certificate_is_refused() -> None:
    stranger = ec.generate_private_key(ec.SECP256R1())
    pem = stranger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(SealKeyError):
        SealKeys.from_pem(keys().certificate, pem)
