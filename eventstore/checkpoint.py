"""Signed checkpoints of the log: C2SP signed-note, tlog-checkpoint and tlog-cosignature/v1, Ed25519 only. Pure.

A checkpoint says: so many events, this root. The log signs it; witnesses cosign it, each with the time it saw it.
"""

from __future__ import annotations

import base64
import binascii
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from eventstore.merkle import HASH_BYTES

LOG_KEY = 0x01
WITNESS_KEY = 0x04
MAX_NOTE = 64 * 1024
_MAX_SIZE = 2**63 - 1
_DASH = "— "
_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE_BYTES = 64


class NoteError(ValueError):
    """A note, line or key is not written as it has to be, or its signature does not hold."""


def decode_base64(text: str) -> bytes:
    """Standard alphabet, with padding, and only the one spelling of each value. Raises NoteError."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError("not base64") from None
    if encode_base64(data) != text:
        raise NoteError("not base64 as it is written")
    return data


def encode_base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def check_name(name: str) -> str:
    """A key's name, which is the log's origin too: no space, no plus, nothing invisible. Raises NoteError."""
    if not name or "+" in name or any(unicodedata.category(letter)[0] in "ZC" for letter in name):
        raise NoteError("a name has no spaces, no plus and no control characters")
    return name


@dataclass(frozen=True)
class SignatureLine:
    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {encode_base64(self.key_id + self.signature)}\n"

    @classmethod
    def parse(cls, line: str) -> Self:
        """One line without its end. Raises NoteError."""
        name, space, blob = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not space:
            raise NoteError("not a signature line")
        data = decode_base64(blob)
        if len(data) <= 4:
            raise NoteError("not a signature line")
        return cls(check_name(name), data[:4], data[4:])


@dataclass(frozen=True)
class VerifierKey:
    """kind: LOG_KEY or WITNESS_KEY. Written `name+id+base64`, as C2SP's tools read it."""

    name: str
    public: bytes
    kind: int = LOG_KEY

    @property
    def key_id(self) -> bytes:
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises NoteError, also when the key id is not that of the key."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key is name+id+key")
        data = decode_base64(parts[2])
        if len(data) != 33 or data[0] not in (LOG_KEY, WITNESS_KEY):
            raise NoteError("not a key of a kind that is known here")
        key = cls(check_name(parts[0]), data[1:], data[0])
        if parts[1] != key.key_id.hex():
            raise NoteError("the key id is another key's")
        return key

    def made(self, line: SignatureLine) -> bool:
        return (line.name, line.key_id) == (self.name, self.key_id)

    def verify(self, body: str, line: SignatureLine) -> None:
        """Raises NoteError."""
        message, signature = body.encode(), line.signature
        if self.kind == WITNESS_KEY:
            time, signature = signature[:8], signature[8:]
            message = cosigned(body, int.from_bytes(time, "big"))
        if len(signature) != _SIGNATURE_BYTES:
            raise NoteError("a signature has 64 bytes")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise NoteError("the signature does not hold") from None


def cosigned(body: str, time: int) -> bytes:
    """What a witness signs. time: POSIX seconds."""
    if not 0 <= time <= _MAX_SIZE:
        raise NoteError("no such time")
    return f"cosignature/v1\ntime {time}\n{body}".encode()


@dataclass(frozen=True)
class Signer:
    """The log's private key, or a witness's; 32 bytes of seed."""

    name: str
    seed: bytes = field(repr=False)
    kind: int = LOG_KEY

    @property
    def verifier(self) -> VerifierKey:
        return VerifierKey(self.name, self._key.public_key().public_bytes_raw(), self.kind)

    @property
    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.seed)

    def sign(self, body: str) -> SignatureLine:
        return SignatureLine(self.name, self.verifier.key_id, self._key.sign(body.encode()))

    def cosign(self, body: str, time: int) -> SignatureLine:
        signature = self._key.sign(cosigned(body, time))
        return SignatureLine(self.name, self.verifier.key_id, time.to_bytes(8, "big") + signature)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The private form of `VerifierKey`, as Go's note package writes it. Raises NoteError."""
        rest = text.removeprefix(_PRIVATE).split("+", 2)
        if not text.startswith(_PRIVATE) or len(rest) != 3:
            raise NoteError("not a private key")
        data = decode_base64(rest[2])
        if len(data) != 33 or data[0] not in (LOG_KEY, WITNESS_KEY):
            raise NoteError("not a key of a kind that is known here")
        signer = cls(check_name(rest[0]), data[1:], data[0])
        if signer.verifier.key_id.hex() != rest[1]:
            raise NoteError("the key id is another key's")
        return signer

    def private_text(self) -> str:
        return f"{_PRIVATE}{self.name}+{self.verifier.key_id.hex()}+{encode_base64(bytes([self.kind]) + self.seed)}"


@dataclass(frozen=True)
class Checkpoint:
    """What a note says: `size` events under `root`; signatures are there, not yet believed."""

    origin: str
    size: int
    root: bytes
    signatures: tuple[SignatureLine, ...] = ()

    @property
    def body(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode_base64(self.root)}\n"

    def __str__(self) -> str:
        return self.body + "\n" + "".join(map(str, self.signatures))

    @classmethod
    def parse(cls, note: str) -> Self:
        """Strict: what is parsed is written back the same. No extension lines. Raises NoteError."""
        if len(note) > MAX_NOTE:
            raise NoteError("the note is too long")
        body, blank, tail = note.partition("\n\n")
        lines = body.split("\n")
        if not blank or len(lines) != 3 or not tail.endswith("\n"):
            raise NoteError("not a checkpoint")
        size, root = lines[1], decode_base64(lines[2])
        if not (size.isascii() and size.isdecimal()) or str(int(size)) != size or int(size) > _MAX_SIZE:
            raise NoteError("not a size")
        if len(root) != HASH_BYTES:
            raise NoteError("not a root")
        signatures = tuple(SignatureLine.parse(line) for line in tail[:-1].split("\n"))
        return cls(check_name(lines[0]), int(size), root, signatures)

    def with_signatures(self, lines: Iterable[SignatureLine]) -> Checkpoint:
        fresh = (line for line in lines if line not in self.signatures)
        return Checkpoint(self.origin, self.size, self.root, (*self.signatures, *fresh))

    def verify(self, key: VerifierKey) -> None:
        """That this log, and nobody else, has signed it. Raises NoteError."""
        if self.origin != key.name:
            raise NoteError("it is another log's")
        own = [line for line in self.signatures if key.made(line)]
        if len(own) != 1:
            raise NoteError("the log's signature is missing")
        key.verify(self.body, own[0])

    def cosignatures(self, keys: Iterable[VerifierKey]) -> list[SignatureLine]:
        """Those of the given witnesses, verified; unknown ones are passed over. Raises NoteError for a false one."""
        found = []
        for line in self.signatures:
            for key in keys:
                if key.made(line):
                    key.verify(self.body, line)
                    found.append(line)
        return found


def sign_checkpoint(signer: Signer, size: int, root: bytes) -> Checkpoint:
    bare = Checkpoint(signer.name, size, root)
    return bare.with_signatures([signer.sign(bare.body)])


def cosigned_at(line: SignatureLine) -> int:
    """POSIX seconds at which a witness says it saw the checkpoint."""
    return int.from_bytes(line.signature[:8], "big")
