"""What stands under a sheet: a party's handwriting, and the office's seal as a PDF signature (PAdES B-B).

The seal is laid on once, after all parties have signed, and nothing may be changed afterwards (DocMDP 1).
Sealing takes about 50 ms of computing and needs no running event loop: call it in a thread.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from asn1crypto import cms, keys, x509
from cryptography import x509 as certificates
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import PdfSignatureMetadata, signers
from pyhanko.sign.fields import MDPPerm, SigSeedSubFilter
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.registry import SimpleCertificateStore

from cases.photo import MAX_INK_BYTES, HandwritingRefusedError, read_ink

FIELD = "OfficeSeal"
DEMONSTRATION_NAME = "演示电子印章 无法律效力 (demonstration)"
_BUNDLE = "demonstration-seal.pem"
_DATA_URL = "data:image/png;base64,"
_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\s*", re.DOTALL)


class SealKeyError(RuntimeError):
    """The seal's key or certificate cannot be used. Give matching PEM files: the seal's own certificate first."""

    code = "seal-key-unusable"


def read_handwriting(drawn: str | bytes) -> bytes:
    """The ink of a signature pad as a clean PNG; takes the browser's data URL or PNG bytes, at most 200 kB.

    Raises HandwritingRefusedError, or HandwritingEmptyError when there is no ink.
    """
    if isinstance(drawn, bytes):
        return read_ink(drawn)
    if not drawn.startswith(_DATA_URL) or len(drawn) > len(_DATA_URL) + MAX_INK_BYTES * 4 // 3 + 4:
        raise HandwritingRefusedError
    try:
        return read_ink(base64.b64decode(drawn.removeprefix(_DATA_URL), validate=True))
    except binascii.Error as wrong:
        raise HandwritingRefusedError from wrong


@dataclass(frozen=True)
class SealKeys:
    """The office's seal: private key, its certificate, and the issuers up to the root, all PEM.

    demonstration: made by ourselves, without legal effect, and labelled so in the certificate.
    """

    key: bytes = field(repr=False)
    certificate: bytes
    issuers: tuple[bytes, ...] = ()
    demonstration: bool = False

    @classmethod
    def from_pem(cls, certificate_chain: bytes, key: bytes, passphrase: bytes | None = None) -> SealKeys:
        """Seal keys of an office. `certificate_chain`: the seal's certificate, then its issuers."""
        chain = _CERTIFICATE.findall(certificate_chain)
        try:
            private = load_pem_private_key(key, passphrase)
            certificate = certificates.load_pem_x509_certificate(chain[0])
        except (ValueError, TypeError, IndexError) as wrong:
            raise SealKeyError("the seal's PEM files cannot be read; check them and the passphrase") from wrong
        if private.public_key() != certificate.public_key():
            raise SealKeyError("the first certificate does not belong to the seal's key")
        clear = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return cls(clear, chain[0], tuple(chain[1:]))

    @classmethod
    def load_or_create(cls, folder: Path, *, now: datetime | None = None) -> SealKeys:
        """The demonstration seal in `folder`, made at first use, valid ten years from `now`; its file is 0600."""
        path = folder / _BUNDLE
        if not path.exists():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_once(path, _demonstration_bundle(now or datetime.now(UTC)))
        bundle = path.read_bytes()
        loaded = cls.from_pem(bundle, bundle)
        return cls(loaded.key, loaded.certificate, loaded.issuers, demonstration=True)

    @property
    def roots(self) -> tuple[bytes, ...]:
        """What a verifier has to trust to find the seal trusted: the chain's last certificate."""
        return (self.issuers or (self.certificate,))[-1:]


@dataclass(frozen=True)
class SealReport:
    """intact: the sealed bytes are unchanged; valid: so is the signature over them; trusted: it leads to a given root.

    covers_whole: nothing was appended after sealing. signer: the certificate's common name, None when unreadable.
    """

    intact: bool
    valid: bool
    trusted: bool
    covers_whole: bool
    signer: str | None = None

    @property
    def good(self) -> bool:
        return self.intact and self.valid and self.trusted and self.covers_whole


def seal(pdf: bytes, keys: SealKeys, *, reason: str, at: datetime) -> bytes:
    """The PDF with an invisible certifying signature. Not to be called where an event loop runs: use a thread."""
    # The renderer ends without a line break; an object appended right after would break PDF/A (6.1.9).
    writer = IncrementalPdfFileWriter(BytesIO(pdf.rstrip(b"\r\n") + b"\n"))
    metadata = PdfSignatureMetadata(
        field_name=FIELD,
        md_algorithm="sha256",
        subfilter=SigSeedSubFilter.PADES,
        reason=reason,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
    )
    signer = _PdfSigner(metadata, signer=_signer(keys), at=at)
    return bytes(signer.sign_pdf(writer).getvalue())


def check_seal(pdf: bytes, trust_roots: Sequence[bytes], *, at: datetime | None = None) -> SealReport:
    """Checks the seal offline against PEM roots, certificates as of `at` (now). A damaged file is not intact.

    Like `seal`, for a thread without an event loop.
    """
    try:
        return asyncio.run(_check(pdf, trust_roots, at))
    except Exception:  # a flipped byte may break any layer of the file; each means the same
        return SealReport(intact=False, valid=False, trusted=False, covers_whole=False)


class _PdfSigner(signers.PdfSigner):  # type: ignore[misc] # pyhanko is untyped here
    """Signs with the time it is given: pyhanko would read the wall clock."""

    def __init__(self, *args: Any, at: datetime, **options: Any) -> None:
        super().__init__(*args, **options)
        self._at = at

    def init_signing_session(self, *args: Any, **options: Any) -> Any:
        session = super().init_signing_session(*args, **options)
        session.system_time = self._at
        return session


def _signer(seal_keys: SealKeys) -> Any:
    store = SimpleCertificateStore()
    # Roots stay out: a verifier brings his own, and an unused certificate in the file could be altered unnoticed.
    store.register_multiple([issuer for issuer in map(_asn1, seal_keys.issuers) if issuer.self_signed == "no"])
    private = load_pem_private_key(seal_keys.key, None)
    der = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return signers.SimpleSigner(
        signing_cert=_asn1(seal_keys.certificate), signing_key=keys.PrivateKeyInfo.load(der), cert_registry=store
    )


async def _check(pdf: bytes, trust_roots: Sequence[bytes], at: datetime | None) -> SealReport:
    signature = PdfFileReader(BytesIO(pdf)).embedded_regular_signatures[-1]
    context = ValidationContext(
        trust_roots=[_asn1(pem) for pem in trust_roots], allow_fetching=False, moment=at, other_certs=[]
    )
    status = await async_validate_pdf_signature(signature, context)
    whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE and bool(status.docmdp_ok)
    return SealReport(
        intact=bool(status.intact) and _hole_is_clean(pdf, signature),
        valid=bool(status.valid),
        trusted=bool(status.trusted),
        covers_whole=whole,
        signer=status.signing_cert.subject.native.get("common_name"),
    )


def _hole_is_clean(pdf: bytes, signature: Any) -> bool:
    """The signed ranges leave out the signature itself: what stands there must be exactly it, and zeros."""
    start, length, resume, _rest = (int(number) for number in signature.byte_range)
    hole = pdf[start + length : resume]
    digits = hole[1:-1]
    content = bytes.fromhex(digits.decode("ascii"))
    envelope = cms.ContentInfo.load(content)
    framed = hole[:1] == b"<" and hole[-1:] == b">" and digits in (digits.lower(), digits.upper())
    written = envelope.dump(force=True)  # encoded anew, so that lengths cannot claim a part of the padding
    clean = content.startswith(written) and not any(content[len(written) :])
    return framed and clean and _envelope_is_plain(envelope["content"])


def _envelope_is_plain(signed: Any) -> bool:
    """What RFC 5652 leaves unsigned around the signed attributes agrees with them, so that no bit of it is free."""
    (signer,) = signed["signer_infos"]
    certificate = next(c.chosen for c in signed["certificates"] if c.chosen.serial_number == _serial(signer))
    expected = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    (algorithm,) = signed["digest_algorithms"]
    return bool(
        signed["version"].native == signer["version"].native == "v1"
        and algorithm.dump() == signer["digest_algorithm"].dump()
        and signer["sid"].chosen.dump() == expected.dump()
    )


def _serial(signer: Any) -> int:
    return int(signer["sid"].chosen["serial_number"].native)


def _asn1(pem: bytes) -> Any:
    return x509.Certificate.load(certificates.load_pem_x509_certificate(pem).public_bytes(Encoding.DER))


def _demonstration_bundle(now: datetime) -> bytes:
    """Key and certificate of the seal and the certificate of its authority, whose own key is thrown away."""
    authority, authority_key = _certificate("演示根证书 (demonstration CA)", now)
    own, own_key = _certificate(DEMONSTRATION_NAME, now, issuer=authority, issuer_key=authority_key)
    key = own_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return key + own.public_bytes(Encoding.PEM) + authority.public_bytes(Encoding.PEM)


def _certificate(
    common_name: str,
    now: datetime,
    *,
    issuer: certificates.Certificate | None = None,
    issuer_key: ec.EllipticCurvePrivateKey | None = None,
) -> tuple[certificates.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    authority = issuer is None
    name = certificates.Name(
        [
            certificates.NameAttribute(NameOID.COUNTRY_NAME, "CN"),
            certificates.NameAttribute(NameOID.ORGANIZATION_NAME, "Peiban 陪办 demonstration only"),
            certificates.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
    usage = certificates.KeyUsage(
        digital_signature=not authority, content_commitment=not authority, key_cert_sign=authority, crl_sign=authority,
        key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    issuer_key = issuer_key or key
    built = (
        certificates.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name if issuer is None else issuer.subject)
        .public_key(key.public_key())
        .serial_number(certificates.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=3653))
        .add_extension(certificates.BasicConstraints(ca=authority, path_length=0 if authority else None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(certificates.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            certificates.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
    )
    return built.sign(issuer_key, hashes.SHA256()), key


def _write_once(path: Path, content: bytes) -> None:
    """Creates `path` whole; when another process was faster, its file stays."""
    with NamedTemporaryFile(dir=path.parent) as draft:  # created with mode 0600
        draft.write(content)
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):
            os.link(draft.name, path)
