"""What is going on in this process now, and whether it is about to stop."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web

from eventstore import BusyError

LEAVING = web.AppKey("leaving", asyncio.Event)
_MOST = 2000
# An upload lies in memory, up to 21 MB, until it has been checked.
_MOST_UPLOADS = 32
_MOST_UPLOADS_OF_ONE = 12
_UPLOAD_RETRY = 5.0


class Watchers:
    """What is going on now. Above a bound of watched pages, further ones ask now and then by themselves instead."""

    def __init__(self) -> None:
        self.open = 0
        self.sockets = 0  # of live rooms
        self.commands = 0  # being carried out
        self._uploads: Counter[str] = Counter()  # by who sends them

    @property
    def full(self) -> bool:
        return self.open >= _MOST

    @contextmanager
    def uploading(self, who: str) -> Iterator[None]:
        """Bounds what is being read at once, by one person and by all. Raises BusyError."""
        if self._uploads.total() >= _MOST_UPLOADS or self._uploads[who] >= _MOST_UPLOADS_OF_ONE:
            raise BusyError(_UPLOAD_RETRY)
        self._uploads[who] += 1
        try:
            yield
        finally:
            self._uploads[who] -= 1
            if not self._uploads[who]:
                del self._uploads[who]


WATCHERS = web.AppKey("watchers", Watchers)
