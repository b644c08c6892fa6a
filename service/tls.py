"""A TLS certificate of our own making, for a demonstration on a local network.

Browsers give cameras only to secure pages. The certificate is not trusted by anybody, so a phone warns once;
in production the operator gives one of his own, or a proxy ends TLS.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from service.private_files import write_private

_LIFE = timedelta(days=397)  # browsers refuse server certificates that live longer
_RENEW_BEFORE = timedelta(days=30)


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    load_into(context, certificate, key)
    return context


def load_into(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    """Raises OSError or ValueError, both of which name the file."""
    try:
        found = x509.load_pem_x509_certificates(certificate.read_bytes())[0]
    except ValueError:
        raise ValueError(f"{certificate} holds no PEM certificate") from None
    if not found.not_valid_before_utc <= datetime.now(UTC) < found.not_valid_after_utc:
        raise ValueError(
            f"{certificate} is valid from {found.not_valid_before_utc:%Y-%m-%d} to {found.not_valid_after_utc:%Y-%m-%d}"
        )
    key.read_bytes()  # for an error that names it

    def ask() -> str:  # or OpenSSL would ask on the terminal, and again at every renewal
        raise ValueError(f"{key} asks for a pass phrase: give a key without one")

    try:
        context.load_cert_chain(certificate, key, password=ask)
    except ssl.SSLError as error:
        why = "does not belong to" if "MISMATCH" in str(error) else "is no PEM key, or cannot be used with"
        raise ValueError(f"{key} {why} {certificate}") from error


def own_certificate(folder: Path, names: Sequence[str], now: datetime) -> tuple[Path, Path]:
    """Paths of certificate and key for these host names and addresses; made anew when one is missing or it ages."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    certificate, key = folder / "demonstration.pem", folder / "demonstration.key"
    if not _serves(certificate, key, names, now):
        _make(certificate, key, names, now)
    return certificate, key


def _serves(certificate: Path, key: Path, names: Sequence[str], now: datetime) -> bool:
    if not certificate.exists() or not key.exists():
        return False
    try:
        parsed = x509.load_pem_x509_certificate(certificate.read_bytes())
        held = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        private = serialization.load_pem_private_key(key.read_bytes(), password=None)
    except (ValueError, x509.ExtensionNotFound):
        return False
    if private.public_key() != parsed.public_key():  # killed between the writing of one and the other
        return False
    return set(_names(names)) <= set(held) and parsed.not_valid_after_utc - now > _RENEW_BEFORE


def _names(names: Sequence[str]) -> list[x509.GeneralName]:
    general: list[x509.GeneralName] = []
    for name in names:
        try:
            general.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            general.append(x509.DNSName(name))
    return general


def _make(certificate: Path, key: Path, names: Sequence[str], now: datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Peiban demonstration"),
            x509.NameAttribute(NameOID.COMMON_NAME, "陪办演示 (not trusted)"),
        ]
    )
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now.astimezone(UTC) - timedelta(hours=1))
        .not_valid_after(now.astimezone(UTC) + _LIFE)
        .add_extension(x509.SubjectAlternativeName(_names(names)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    write_private(key, pem)
    write_private(certificate, signed.public_bytes(serialization.Encoding.PEM))
