"""Brings a database up to date: numbered SQL files, each once, each in its own transaction, run as the owner."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from pathlib import Path

import asyncpg

from eventstore.connection import Connection, connect
from eventstore.errors import MigrationError

MIGRATIONS = Path(__file__).parent / "migrations"
SERVICE_ROLE = "peiban_service"

_NAME = re.compile(r"\d{4}_[a-z0-9_]+\.sql")
_LOCK = 0x70656962616E  # "peiban": one migration at a time, by advisory lock

_LEDGER = """
CREATE TABLE IF NOT EXISTS peiban_migrations (
    folder     text        NOT NULL,
    name       text        NOT NULL,
    digest     bytea       NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (folder, name)
)
"""


async def migrate(
    owner_url: str, folders: list[Path], service_role_password: str | None, *, keep_password: bool = False
) -> list[str]:
    """Applies what is missing of each folder's `NNNN_name.sql`, in order; returns the names that were applied.

    A folder is known by the package it lies in (`eventstore/migrations` is `eventstore`). The role that the service
    logs in with is made when it is missing; with `None` for a password it is taken as it is (somebody else manages it).
    """
    connection = await connect(owner_url)
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
        await _ensure_role(connection, service_role_password, keep_password=keep_password)
        await connection.execute(_LEDGER)
        return [
            name for folder in folders for name in await _apply_missing(connection, folder.parent.name, _read(folder))
        ]
    finally:
        await connection.close()


def _read(folder: Path) -> dict[str, str]:
    files = sorted(folder.glob("*.sql"))
    if odd := [file.name for file in files if not _NAME.fullmatch(file.name)]:
        raise MigrationError(f"[{folder.parent.name}/{odd[0]}: a migration is called NNNN_name.sql]")
    return {file.name: file.read_text(encoding="utf-8") for file in files}


async def _apply_missing(connection: Connection, label: str, scripts: dict[str, str]) -> list[str]:
    rows = await connection.fetch("SELECT name, digest FROM peiban_migrations WHERE folder = $1", label)
    applied: dict[str, bytes] = {row["name"]: row["digest"] for row in rows}
    if unknown := sorted(applied.keys() - scripts.keys()):
        raise MigrationError(f"[the database is newer than this program: it knows {label}/{unknown[-1]}]")
    fresh = []
    for name, text in scripts.items():
        digest = hashlib.sha256(text.encode()).digest()
        if name not in applied:
            await _apply(connection, label, name, text, digest)
            fresh.append(f"{label}/{name}")
        elif applied[name] != digest:
            raise MigrationError(f"[{label}/{name} was changed after it had been applied; add a new file instead]")
    return fresh


async def _apply(connection: Connection, label: str, name: str, text: str, digest: bytes) -> None:
    try:
        async with connection.transaction():
            await connection.execute(text)
            await connection.execute(
                "INSERT INTO peiban_migrations (folder, name, digest) VALUES ($1, $2, $3)", label, name, digest
            )
    except asyncpg.PostgresError as error:
        raise MigrationError(f"[{label}/{name}: {error}]") from error


async def _ensure_role(connection: Connection, password: str | None, *, keep_password: bool) -> None:
    exists = await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", SERVICE_ROLE)
    if not exists:
        if password is None:
            raise MigrationError(f"[create the role {SERVICE_ROLE} first, or give a password for it]")
        # Suppressed: a migration of another database of this cluster was quicker.
        with suppress(asyncpg.DuplicateObjectError, asyncpg.UniqueViolationError):
            try:
                await connection.execute(f"CREATE ROLE {SERVICE_ROLE} LOGIN")
            except asyncpg.InsufficientPrivilegeError as error:
                raise MigrationError(f"[the owner may not create the role {SERVICE_ROLE}: create it first]") from error
    if password is not None and not (exists and keep_password):
        # A utility statement takes no parameters, so the server quotes the literal for us.
        literal = await connection.fetchval("SELECT quote_literal($1::text)", password)
        try:
            await connection.execute(f"ALTER ROLE {SERVICE_ROLE} PASSWORD {literal}")
        except asyncpg.InsufficientPrivilegeError as error:
            raise MigrationError(
                f"[the owner may not set the password of {SERVICE_ROLE}: set PEIBAN_SERVICE_DATABASE_URL]"
            ) from error
