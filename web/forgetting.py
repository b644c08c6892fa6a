"""What the edge remembers of people, and how it goes when they are erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cases.forgetting import Traces
from cases.messenger import Messenger
from eventstore import Vault
from web.database import Database
from web.messenger import OutboxMessenger


@dataclass(frozen=True)
class EdgeMemory:
    """Implements `cases.forgetting.Edge`."""

    database: Database
    vault: Vault
    messenger: Messenger

    async def forget_traces(self, traces: Traces) -> None:
        """Guests came by the link of an inspection, with whatever telephone it was sent to: they go with the case."""
        await self.database.execute(
            "DELETE FROM web.sessions WHERE ($1 AND person = $2) OR holder = ANY($3::text[])",
            traces.whole, traces.person, [f"guest:{inspection}" for inspection in traces.inspections],
        )  # fmt: skip
        if isinstance(self.messenger, OutboxMessenger):

            async def about(phone: str, text: str) -> bool:
                """Sent to him, as the index knows him, or to a telephone of these cases, or about one of them."""
                if phone in traces.phones or any(word in text for word in traces.words):
                    return True
                return traces.whole and await self.vault.find("phone", phone) == traces.person

            await self.messenger.forget(about)

    async def forget_files(self, filed: Sequence[UUID], others: Sequence[UUID]) -> None:
        """Of what was filed the row stays, without the name, so that asking for it is answered with the truth."""
        await self.database.execute("UPDATE web.files SET name = '' WHERE id = ANY($1::uuid[])", list(filed))
        await self.database.execute("DELETE FROM web.files WHERE id = ANY($1::uuid[])", list(others))
