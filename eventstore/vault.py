"""Personal values, apart from the record: encrypted per subject and scope, found by a keyed index, erasable.

A subject is a person's pseudonym; a scope is what his data serves, as a rule one case. Each pair has its own data key,
wrapped by the key-encryption key. Events hold a reference and a commitment; what they commit with lies encrypted
beside the value, so neither a dump of the database nor the record alone lets anybody try out phone numbers.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import asyncpg
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from eventstore.aggregate import Sealed
from eventstore.batch import Entry
from eventstore.chain import frame
from eventstore.connection import Reader, Row
from eventstore.errors import CommandRefusedError, ErasedError, ErasureRefusedError, VaultKeyError

ALGORITHM = "aes-256-gcm-1"
_BLOB_FORMAT = b"\x01"
_NONCE_BYTES = 12  # random ones are safe for as few messages as one data key sees
_COMMITMENT_KEY_BYTES = 32

_SUBJECT = "SELECT subject FROM vault.subjects WHERE kind = $1 AND digest = $2"
_NEW_SUBJECT = "INSERT INTO vault.subjects (kind, digest, subject) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_KEY = "SELECT key_id, subject, scope, algorithm, kek_id, nonce AS key_nonce, wrapped FROM vault.data_keys WHERE subject = $1 AND scope = $2"  # noqa: E501 - one statement
_KEY_OF_BLOB = "SELECT key_id, subject, scope, algorithm, kek_id, nonce AS key_nonce, wrapped FROM vault.data_keys WHERE key_id = $1 AND scope = $2"  # noqa: E501 - one statement
_NEW_KEY = """
INSERT INTO vault.data_keys (key_id, subject, scope, algorithm, kek_id, nonce, wrapped)
SELECT $1, $2, $3, $4, $5, $6, $7
WHERE NOT EXISTS (SELECT FROM vault.erasures d WHERE d.scope = $3 AND d.final)
ON CONFLICT DO NOTHING
"""
_ENTRIES = """
SELECT e.ref, e.field, e.algorithm AS entry_algorithm, e.nonce, e.ciphertext,
       k.key_id, k.subject, k.scope, k.algorithm, k.kek_id, k.nonce AS key_nonce, k.wrapped
FROM vault.entries e JOIN vault.data_keys k USING (key_id) WHERE e.ref = ANY($1)
"""
_HAS_KEY = "SELECT FROM vault.data_keys WHERE subject = $1 AND scope = $2"
_ERASE = "SELECT kind, scope, key_id, entries FROM vault.erase($1)"


@dataclass(frozen=True)
class ErasedScope:
    """One data key that was destroyed with `entries` values.

    kind: the rule's word for what the scope is; `index`: the way to the subject `scope` was forgotten.
    """

    kind: str
    scope: UUID
    key_id: UUID | None
    entries: int


@dataclass(frozen=True)
class VaultKeys:
    """The secrets that stay outside the database, 32 bytes each: `kek` wraps data keys, `index_key` makes the index."""

    kek_id: str
    kek: bytes = field(repr=False)
    index_key: bytes = field(repr=False)

    @classmethod
    def load_or_create(cls, path: Path) -> VaultKeys:
        """Reads the keys file, or makes one with new keys (mode 0600). Whoever loses it loses all personal data."""
        try:
            if path.stat().st_mode & 0o077:
                raise VaultKeyError(f"[{path} can be read by others: chmod 600 it]")
            fields = json.loads(path.read_text())
            keys = cls(fields["kek_id"], _key(fields["kek"]), _key(fields["index_key"]))
        except FileNotFoundError:
            return cls._create(path)
        except (KeyError, TypeError, ValueError) as error:
            raise VaultKeyError(f"[{path} is not a keys file]") from error
        return keys

    @classmethod
    def _create(cls, path: Path) -> VaultKeys:
        keys = cls(f"kek-{secrets.token_hex(4)}", secrets.token_bytes(32), secrets.token_bytes(32))
        text = {
            "kek_id": keys.kek_id,
            "kek": base64.b64encode(keys.kek).decode(),
            "index_key": base64.b64encode(keys.index_key).decode(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(text, file, indent=1)
            file.flush()
            os.fsync(descriptor)
        try:
            path.hardlink_to(scratch)  # unlike a rename, never replaces keys that somebody else has just made
        except FileExistsError:
            return cls.load_or_create(path)
        finally:
            scratch.unlink()
        return keys


@dataclass(frozen=True)
class DataCipher:
    """Encrypts under the data key of one (subject, scope): blobs with `seal` and `open`, fields through the vault."""

    key_id: UUID
    subject: UUID
    scope: UUID
    _key: bytes = field(repr=False)

    def seal(self, plain: bytes) -> bytes:
        """Format byte, key id (16), nonce (12), ciphertext with tag: 45 bytes longer than `plain`."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return _BLOB_FORMAT + self.key_id.bytes + nonce + AESGCM(self._key).encrypt(nonce, plain, self._aad("blob"))

    def open(self, blob: bytes) -> bytes:
        """Raises ErasedError when the blob's data key exists no more, VaultKeyError when it was altered."""
        if blob[:1] != _BLOB_FORMAT:
            raise VaultKeyError("[not a sealed blob]")
        if blob[1:17] != self.key_id.bytes:
            raise ErasedError
        return self._decrypt(blob[17:29], blob[29:], self._aad("blob"))

    def seal_field(self, name: str, value: str) -> tuple[Sealed, Entry]:
        ref, nonce = uuid4(), secrets.token_bytes(_NONCE_BYTES)
        commitment_key = secrets.token_bytes(_COMMITMENT_KEY_BYTES)
        try:
            plain = value.encode()
        except UnicodeEncodeError as error:
            raise CommandRefusedError("[half a surrogate pair]") from error
        commitment = hmac.new(commitment_key, plain, hashlib.sha256).hexdigest()
        ciphertext = AESGCM(self._key).encrypt(nonce, commitment_key + plain, self._aad(name, ref))
        entry = Entry(ref, self.key_id, name, ALGORITHM, nonce, ciphertext)
        return Sealed(ref=str(ref), commitment=commitment), entry

    def open_field(self, row: Row) -> str:
        aad = self._aad(row["field"], row["ref"], row["entry_algorithm"])
        return self._decrypt(row["nonce"], row["ciphertext"], aad)[_COMMITMENT_KEY_BYTES:].decode()

    def _decrypt(self, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        try:
            return AESGCM(self._key).decrypt(nonce, ciphertext, aad)
        except InvalidTag as error:
            raise VaultKeyError("[an entry does not open]") from error

    def _aad(self, name: str, ref: UUID | None = None, algorithm: str = ALGORITHM) -> bytes:
        """Binds a ciphertext to its place, so that moving it to another person, case or field is noticed."""
        where = (self.subject.bytes, self.scope.bytes, name.encode(), self.key_id.bytes, ref.bytes if ref else b"")
        return frame(algorithm.encode(), *where)


class Vault:
    def __init__(self, reader: Reader, keys: VaultKeys) -> None:
        self._reader = reader
        self._keys = keys

    async def subject(self, kind: str, value: str) -> UUID:
        """The pseudonym of whoever `value` (a phone number, an account) belongs to; made when it is new.

        `value` comes in one spelling only; the caller normalises it.
        """
        found = await self.find(kind, value)
        if found is None:
            await self._reader.fetch(_NEW_SUBJECT, kind, self._digest(kind, value), uuid4())
            found = await self.find(kind, value)
            assert found is not None
        return found

    async def find(self, kind: str, value: str) -> UUID | None:
        row = await self._reader.fetch_row(_SUBJECT, kind, self._digest(kind, value))
        return UUID(bytes=row["subject"].bytes) if row else None

    async def open(self, refs: Iterable[str]) -> dict[str, str | None]:
        """Values by reference; None where the value has been erased (or never was). Raises VaultKeyError."""
        wanted = list(refs)
        rows = await self._reader.fetch(_ENTRIES, [UUID(ref) for ref in wanted]) if wanted else []
        values = {str(row["ref"]): self._unwrap(row).open_field(row) for row in rows}
        return {ref: values.get(str(UUID(ref))) for ref in wanted}

    async def cipher(self, subject: UUID, scope: UUID) -> DataCipher:
        """The cipher of (subject, scope); its data key is made when there is none yet.

        Raises ErasedError for a case or file that was erased: what is gone by law does not fill up again.
        """
        row = await self._reader.fetch_row(_KEY, subject, scope)
        if row is None:
            await self._reader.fetch(_NEW_KEY, *self._wrap_new(subject, scope))
            row = await self._reader.fetch_row(_KEY, subject, scope)
        if row is None:
            raise ErasedError
        return self._unwrap(row)

    async def open_blob(self, blob: bytes, scope: UUID) -> bytes:
        """The content of a blob of this scope, whosoever key it lies under. Raises ErasedError, VaultKeyError."""
        if blob[:1] != _BLOB_FORMAT or len(blob) < 17:
            raise VaultKeyError("[not a sealed blob]")
        row = await self._reader.fetch_row(_KEY_OF_BLOB, UUID(bytes=blob[1:17]), scope)
        if row is None:
            raise ErasedError
        return self._unwrap(row).open(blob)

    async def holds(self, subject: UUID, scope: UUID) -> bool:
        """Whether there is a data key of (subject, scope): values may lie under it, and none was erased with it."""
        return bool(await self._reader.fetch(_HAS_KEY, subject, scope))

    async def erase(self, erasure: UUID) -> list[ErasedScope]:
        """Destroys what the record says of this erasure: keys, values, and the way to the person when nothing is left.

        Whether it may, and how far it reaches, the database reads from the record itself, by the application's rule
        (vault.reach_of, see 0008_erasure.sql). Asked again, it answers the same and destroys nothing more. Raises
        ErasureRefusedError.
        """
        try:
            rows = await self._reader.fetch(_ERASE, erasure)
        except asyncpg.InsufficientPrivilegeError as error:
            raise ErasureRefusedError(f"[{error}]") from error
        return [
            ErasedScope(
                row["kind"],
                UUID(bytes=row["scope"].bytes),
                UUID(bytes=row["key_id"].bytes) if row["key_id"] else None,
                row["entries"],
            )
            for row in rows
        ]

    async def seal(
        self, subject: UUID, scope: UUID, values: Mapping[str, str]
    ) -> tuple[dict[str, Sealed], list[Entry]]:
        """What events may hold, and the rows that have to be written in the same transaction as they."""
        cipher = await self.cipher(subject, scope)
        pairs = {name: cipher.seal_field(name, value) for name, value in values.items()}
        return {name: sealed for name, (sealed, _) in pairs.items()}, [entry for _, entry in pairs.values()]

    def _digest(self, kind: str, value: str) -> bytes:
        try:
            return hmac.digest(self._keys.index_key, frame(kind.encode(), value.encode()), "sha256")
        except UnicodeEncodeError as error:
            raise CommandRefusedError("[half a surrogate pair]") from error

    def _wrap_new(self, subject: UUID, scope: UUID) -> tuple[UUID, UUID, UUID, str, str, bytes, bytes]:
        key_id, nonce = uuid4(), secrets.token_bytes(_NONCE_BYTES)
        aad = _wrapping_aad(ALGORITHM, self._keys.kek_id, key_id, subject, scope)
        wrapped = AESGCM(self._keys.kek).encrypt(nonce, AESGCM.generate_key(256), aad)
        return key_id, subject, scope, ALGORITHM, self._keys.kek_id, nonce, wrapped

    def _unwrap(self, row: Row) -> DataCipher:
        if row["kek_id"] != self._keys.kek_id or row["algorithm"] != ALGORITHM:
            raise VaultKeyError(f"[a data key is wrapped by {row['kek_id']}, at hand is {self._keys.kek_id}]")
        key_id, subject, scope = (UUID(bytes=row[name].bytes) for name in ("key_id", "subject", "scope"))
        aad = _wrapping_aad(row["algorithm"], row["kek_id"], key_id, subject, scope)
        try:
            key = AESGCM(self._keys.kek).decrypt(row["key_nonce"], row["wrapped"], aad)
        except InvalidTag as error:
            raise VaultKeyError("[a data key does not open]") from error
        return DataCipher(key_id, subject, scope, key)


def key_of_blob(beginning: bytes) -> UUID | None:
    """The data key that a blob lies under, told from its first 17 bytes; None when it is no sealed blob."""
    return UUID(bytes=beginning[1:17]) if beginning[:1] == _BLOB_FORMAT and len(beginning) >= 17 else None


def _wrapping_aad(algorithm: str, kek_id: str, key_id: UUID, subject: UUID, scope: UUID) -> bytes:
    return frame(algorithm.encode(), kek_id.encode(), key_id.bytes, subject.bytes, scope.bytes)


def _key(text: str) -> bytes:
    key = base64.b64decode(text, validate=True)
    if len(key) != 32:
        raise ValueError("a key has 32 bytes")
    return key
