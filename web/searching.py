"""What was typed into a search box: a case number, a telephone, or words of an item."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from projections.worklists import Search
from web.auth import PHONE, plain_number

if TYPE_CHECKING:
    from web.services import Services


async def search_for(services: Services, words: str) -> Search | None:
    """None when nothing was typed. A telephone is looked up through the vault's index."""
    words = words.strip()
    if not words:
        return None
    digits = plain_number(words)
    if PHONE.fullmatch(digits):
        person = await services.store.vault.find("phone", digits)
        return Search(applicants=(f"person:{person}",) if person else ())
    if re.fullmatch(r"[A-Za-z]{2}\d[\w-]*", words):
        return Search(number=words)
    return Search(items=tuple(item.code for item in services.catalogue.find(words)))
