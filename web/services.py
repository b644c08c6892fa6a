"""What the edge stands on. The composition root builds it; nothing here is made at import."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from cases.errors import MissingError

if TYPE_CHECKING:
    from cases.attachments import AttachmentStore
    from cases.catalogue import Catalogue
    from cases.directory import Directory
    from cases.dispatch import Dispatcher
    from cases.messenger import Messenger
    from eventstore import EventStore, Notary
    from eventstore.witness import Witnessing
    from inspection.invitation import InvitationKeys
    from inspection.live import LiveRooms
    from projections.runner import Runner
    from web.database import Database
    from web.files import Files
    from web.passwords import Credentials


@dataclass(frozen=True, kw_only=True)
class EdgeSettings:
    """base_url: scheme, host and port as people type them, without a slash at the end.

    secret: at least 32 bytes, kept over restarts; behind_proxy: TLS ends in front of us and the last
    `X-Forwarded-For` entry is the caller. Seconds are limits for the reading of a body.
    """

    base_url: str
    secret: bytes = field(repr=False)
    recordings: Path  # journals, one folder per inspection
    derived: Path  # playable files made from them; may be emptied at any time
    static_dir: Path = Path(__file__).parent / "static"
    demo: bool = False
    behind_proxy: bool = False
    json_seconds: float = 15.0
    upload_seconds: float = 120.0
    heartbeat_seconds: float = 15.0


@dataclass(frozen=True, kw_only=True)
class Services:
    settings: EdgeSettings
    store: EventStore
    database: Database
    dispatcher: Dispatcher
    catalogue: Catalogue
    directory: Directory
    runner: Runner
    pool: Any  # projections.runner.open_pool: what the queries of the read models run on
    invitations: InvitationKeys
    attachments: AttachmentStore
    files: Files
    messenger: Messenger
    live: LiveRooms
    clock: Callable[[], datetime]
    credentials: Credentials | None = None
    notary: Notary | None = None
    witnessing: Sequence[Witnessing] = ()

    def directory_has(self, staff: UUID) -> bool:
        try:
            self.directory.staff(staff)
        except MissingError:
            return False
        return True
