"""`peiban serve`: runs until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable

import uvloop

from service.bootstrap import open_service
from service.config import Settings
from service.database import Database, open_database
from service.doors import base_url, open_doors
from web.observe import JsonLines, SaidAlready
from web.services import Services

Ready = Callable[[Services], Awaitable[None]]


def run_service(settings: Settings) -> int:
    set_up_logging(settings.log_level)
    with open_database(settings) as database:
        uvloop.run(keep_running(settings, database, demo=False, when_ready=_say_where(settings)))
    return 0


async def keep_running(settings: Settings, database: Database, *, demo: bool, when_ready: Ready) -> None:
    """Opens service and doors, calls `when_ready`, and closes everything on SIGINT or SIGTERM.

    Raises EmbeddedPostgresError when the embedded database does not stay up.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    if database.owner_url:
        await database.migrate()
    watching = asyncio.create_task(database.watch(_say_it_is_back if demo else None), name="database")
    watching.add_done_callback(lambda _: stopped.set())
    try:
        async with (
            open_service(settings, database, base_url=base_url(settings), demo=demo) as services,
            open_doors(settings, services),
        ):
            await when_ready(services)
            await stopped.wait()
    finally:
        if watching.done():  # whatever else failed without the database, this is why
            watching.result()
        watching.cancel()


def _say_it_is_back() -> None:
    told = "内置数据库意外停止，已自动重新启动。 The embedded database had ended and was started again."
    print(f"\n  {told}\n", flush=True)


def _say_where(settings: Settings) -> Ready:
    async def say(services: Services) -> None:
        print(f"Peiban listens at {base_url(settings)}", flush=True)

    return say


def set_up_logging(level: str) -> None:
    """One JSON object a line on standard error."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    handler.addFilter(SaidAlready())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # Who opened a recording or a sheet is noted at every level.
    logging.getLogger("peiban.audit").setLevel(logging.INFO)
    # It logs certificate names and whole tracebacks for what we tell in a sentence.
    logging.getLogger("pyhanko").setLevel(logging.ERROR)
    # Whoever waits for the database says so in a line; the pool adds a whole trace to each of its attempts.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
