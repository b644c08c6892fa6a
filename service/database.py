"""Which PostgreSQL this process works on: the one it is given, or an embedded one below the data folder."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from eventstore.embedded import EmbeddedPostgres
from eventstore.errors import AlreadyRunningError
from eventstore.migrate import MIGRATIONS, SERVICE_ROLE, migrate
from service.config import SettingError, Settings
from service.errors import NoRecordError
from service.private_files import made_once

ROOMS_WITH_TABLES = ("cases", "projections", "web")


@dataclass(frozen=True)
class Database:
    """owner_url: for migrations and rebuilds, empty in a process that is given the service role only.

    password: what the service role is to be given when migrations run; None when somebody else manages the role.
    embedded: the server in this process' care, if any.
    """

    owner_url: str
    service_url: str
    password: str | None = None
    embedded: EmbeddedPostgres | None = None

    async def watch(self, tell: Callable[[], None] | None = None) -> None:
        """Starts an embedded server again when it ends; other people's servers are other people's care.

        Until cancelled; raises EmbeddedPostgresError when the server does not stay up.
        """
        if self.embedded is None:
            await asyncio.Event().wait()
        else:
            await self.embedded.watch(tell)

    async def migrate(self, *, keep_password: bool = False) -> list[str]:
        """keep_password: a service role that is there already keeps its password, whoever gave it."""
        if not self.owner_url:
            raise SettingError("PEIBAN_DATABASE_URL is needed for this: the database's owner makes and alters tables")
        here = Path(__file__).parent.parent
        folders = [MIGRATIONS, *(here / room / "migrations" for room in ROOMS_WITH_TABLES)]
        return await migrate(self.owner_url, folders, self.password, keep_password=keep_password)


@contextmanager
def open_database(settings: Settings, *, attach: bool = False) -> Iterator[Database]:
    """From the main thread, before the event loop: an embedded server lives as long as this context.

    attach: for upkeep; use the embedded server of a service that is running, and make none where there is none.
    """
    if settings.database_url or settings.service_database_url:
        yield _given(settings)
        return
    server = EmbeddedPostgres(settings.data_dir / "database")
    ours = True
    if attach and not (settings.data_dir / "database").exists():
        raise NoRecordError(settings.data_dir)
    try:
        server.start()
    except AlreadyRunningError:
        if not attach:
            raise
        ours = False
    try:
        password = _role_password(settings.data_dir)
        yield Database(server.url(), server.url(SERVICE_ROLE), password, server if ours else None)
    finally:
        server.stop()


def _given(settings: Settings) -> Database:
    if settings.service_database_url:
        return Database(settings.database_url, settings.service_database_url)
    password = _role_password(settings.data_dir)
    return Database(settings.database_url, _as_role(settings.database_url, SERVICE_ROLE, password), password)


def _as_role(url: str, role: str, password: str) -> str:
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password)}@{host}"))


def _role_password(data_dir: Path) -> str:
    """The service role's password on a server that asks for one; made once, kept with the other keys."""
    return made_once(data_dir / "keys" / "database-role", lambda: secrets.token_urlsafe(32))
