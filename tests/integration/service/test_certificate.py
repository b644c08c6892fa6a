from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from service.config import SettingError, Settings
from service.doors import base_url, tls_context
from service.tls import own_certificate, server_context
from tests.builders import MONDAY

NAMES = ["localhost", "192.0.2.7", "peiban.example"]


def names_in(certificate: Path) -> set[str]:
    parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
    held = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return {str(name.value) for name in held}


def test_our_own_certificate_names_every_address_and_stays_the_same(tmp_path: Path) -> None:
    certificate, key = own_certificate(tmp_path / "tls", NAMES, MONDAY)
    assert names_in(certificate) == set(NAMES)
    assert key.stat().st_mode & 0o077 == 0
    before = certificate.read_bytes()
    own_certificate(tmp_path / "tls", NAMES, MONDAY + timedelta(days=300))
    assert certificate.read_bytes() == before
    server_context(certificate, key)


def test_it_is_renewed_a_month_before_its_end(tmp_path: Path) -> None:
    certificate, _ = own_certificate(tmp_path, NAMES, MONDAY)
    before = certificate.read_bytes()
    own_certificate(tmp_path, NAMES, MONDAY + timedelta(days=370))
    assert certificate.read_bytes() != before


def test_a_new_address_of_the_machine_gets_a_new_certificate(tmp_path: Path) -> None:
    own_certificate(tmp_path, NAMES, MONDAY)
    certificate, _ = own_certificate(tmp_path, [*NAMES, "192.0.2.8"], MONDAY)
    assert "192.0.2.8" in names_in(certificate)


def test_a_key_that_does_not_belong_to_the_certificate_is_replaced(tmp_path: Path) -> None:
    _, key = own_certificate(tmp_path / "one", NAMES, MONDAY)
    _, other = own_certificate(tmp_path / "other", NAMES, MONDAY)
    shutil.copyfile(other, key)
    server_context(*own_certificate(tmp_path / "one", NAMES, MONDAY))


def test_the_public_address_is_in_our_own_certificate(tmp_path: Path) -> None:
    settings = Settings.read({"PEIBAN_DATA_DIR": str(tmp_path), "PEIBAN_PUBLIC_URL": "https://hall.example:8443/"})
    tls_context(settings)
    assert {"localhost", "127.0.0.1", "hall.example"} <= names_in(tmp_path / "keys" / "tls" / "demonstration.pem")
    assert base_url(settings) == "https://hall.example:8443"


def test_an_operators_certificate_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("nonsense")
    settings = Settings.read(
        {"PEIBAN_TLS_CERTIFICATE": str(tmp_path / "c.pem"), "PEIBAN_TLS_KEY": str(tmp_path / "k.pem")}
    )
    with pytest.raises(SettingError, match="PEIBAN_TLS_CERTIFICATE"):
        tls_context(settings)


@pytest.mark.parametrize("fault", ["expired", "pass phrase", "another's key", "no key"])
def test_what_is_wrong_with_an_operators_certificate_is_told_with_its_file(fault: str, tmp_path: Path) -> None:
    made = datetime.now(UTC) - timedelta(days=800 if fault == "expired" else 1)
    certificate, key = own_certificate(tmp_path / "tls", NAMES, made)
    match fault:
        case "pass phrase":
            held = serialization.load_pem_private_key(key.read_bytes(), None)
            secret = serialization.BestAvailableEncryption(b"secret")
            key.write_bytes(held.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, secret))
        case "another's key":
            shutil.copyfile(own_certificate(tmp_path / "other", NAMES, made)[1], key)
        case "no key":
            key.unlink()
    told = {
        "expired": f"{certificate} is valid from",
        "pass phrase": f"{key} asks for a pass phrase",
        "another's key": f"{key} does not belong to {certificate}",
        "no key": str(key),
    }
    settings = Settings.read({"PEIBAN_TLS_CERTIFICATE": str(certificate), "PEIBAN_TLS_KEY": str(key)})
    with pytest.raises(SettingError, match=re.escape(told[fault])):
        tls_context(settings)
