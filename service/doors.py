"""The doors of a running service: plain HTTP for this machine or a proxy, HTTPS for everybody else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from service.bootstrap import now
from service.config import Settings
from service.network import local_addresses
from service.tls import own_certificate, server_context
from web.app import KEEPALIVE_SECONDS, SHUTDOWN_SECONDS, make_app
from web.services import Services


def base_url(settings: Settings) -> str:
    """How people reach this service: as told, else the HTTPS address of this machine, else plain HTTP."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if settings.tls_port:
        return f"https://{_reachable(settings.tls_host)}:{settings.tls_port}"
    return f"http://localhost:{settings.http_port}"


def _reachable(host: str) -> str:
    """The address to name for a door: this machine's first one when it listens on all of them."""
    return local_addresses()[0] if host in {"0.0.0.0", "::"} else host  # noqa: S104 -- a comparison


@asynccontextmanager
async def open_doors(settings: Settings, services: Services) -> AsyncIterator[None]:
    runner = web.AppRunner(
        make_app(services),
        access_log=None,  # the application writes its own, without personal data
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    await runner.setup()
    try:
        if settings.http_port:
            await web.TCPSite(runner, settings.http_host, settings.http_port).start()
        if settings.tls_port:
            context = await asyncio.to_thread(_tls, settings)
            await web.TCPSite(runner, settings.tls_host, settings.tls_port, ssl_context=context).start()
        yield
    finally:
        await runner.cleanup()


def _tls(settings: Settings) -> ssl.SSLContext:
    if settings.tls_certificate:
        return server_context(Path(settings.tls_certificate), Path(settings.tls_key))
    names = ["localhost", *local_addresses()]
    return server_context(*own_certificate(settings.data_dir / "keys" / "tls", names, now()))
