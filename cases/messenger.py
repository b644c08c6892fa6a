"""The port through which people get text messages; a city's gateway or the demonstration's outbox stands behind it."""

from __future__ import annotations

from typing import Protocol


class Messenger(Protocol):
    async def send(self, phone: str, text: str) -> None:
        """Hands the message over; raises when nobody takes it."""
