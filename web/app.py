"""The HTTP application, put together from the table of routes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from web.api import ROUTES
from web.auth import Auth
from web.call import Call
from web.endpoint import Endpoint
from web.evidence import Evidence
from web.going_on import LEAVING, WATCHERS, Watchers
from web.headers import guarding
from web.health import Health
from web.observe import Counts, observing
from web.openapi import document
from web.pages import Pages
from web.routing import ANYONE, API, UPLOAD_LIMIT, Route
from web.services import Services

log = logging.getLogger(__name__)

SERVICES = web.AppKey("services", Services)
AUTH = web.AppKey("auth", Auth)
EVIDENCE = web.AppKey("evidence", Evidence)

# aiohttp's own default, an hour, is also its only limit for slow headers: pass this to `AppRunner`.
KEEPALIVE_SECONDS = 15.0
SHUTDOWN_SECONDS = 10.0
_SWEEP_SECONDS = 600.0


def make_app(services: Services) -> web.Application:
    """The runner is given `keepalive_timeout=KEEPALIVE_SECONDS` and `shutdown_timeout=SHUTDOWN_SECONDS`."""
    counts = Counts()
    app = web.Application(middlewares=[observing(counts)], client_max_size=UPLOAD_LIMIT)
    auth, evidence = Auth(services), Evidence(services)
    app[SERVICES], app[AUTH], app[EVIDENCE] = services, auth, evidence
    app[WATCHERS], app[LEAVING] = Watchers(), asyncio.Event()
    app.on_response_prepare.append(guarding(services.settings))
    app.on_shutdown.append(_leave)
    app.cleanup_ctx.append(_sweeping)
    for route in ALL_ROUTES:
        endpoint = Endpoint(route, services, auth, evidence)
        app.router.add_route(route.method, route.address, endpoint.__call__)
    Health(services, counts).add_to(app)
    Pages(services.settings).add_to(app)
    return app


async def get_openapi(call: Call) -> web.Response:
    return web.Response(body=_described(), content_type="application/json")


DESCRIPTION = Route(
    method="GET", path="/openapi.json", handler=get_openapi, summary="This document", who=ANYONE,
    open_because="a description of the interface holds nothing of anybody", tag="description",
)  # fmt: skip
ALL_ROUTES: tuple[Route, ...] = (*ROUTES, DESCRIPTION)


def _described() -> bytes:
    return msgspec.json.encode(document(ALL_ROUTES), order="sorted")


async def _leave(app: web.Application) -> None:
    """Streams and sockets end themselves, so that stopping does not wait for them."""
    app[LEAVING].set()


async def _sweeping(app: web.Application) -> AsyncIterator[None]:
    task = asyncio.create_task(_sweep(app), name="web sweep")
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def _sweep(app: web.Application) -> None:
    """Removes expired sessions, limits, uploads and messages now and then."""
    services = app[SERVICES]
    while True:
        for work in (app[AUTH].sweep, services.files.sweep, app[EVIDENCE].sweep):
            try:
                await work()
            except Exception:
                log.warning("sweep failed and will be tried again", extra={"work": work.__qualname__})
        await asyncio.sleep(_SWEEP_SECONDS)


__all__ = ["ALL_ROUTES", "API", "AUTH", "KEEPALIVE_SECONDS", "SERVICES", "SHUTDOWN_SECONDS", "make_app"]
