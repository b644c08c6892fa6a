"""What is going on in this process now, and whether it is about to stop."""

from __future__ import annotations

import asyncio

from aiohttp import web

LEAVING = web.AppKey("leaving", asyncio.Event)
_MOST = 2000


class Watchers:
    """What is going on now. Above a bound of watched pages, further ones ask now and then by themselves instead."""

    def __init__(self) -> None:
        self.open = 0
        self.sockets = 0  # of live rooms
        self.commands = 0  # being carried out

    @property
    def full(self) -> bool:
        return self.open >= _MOST


WATCHERS = web.AppKey("watchers", Watchers)
