"""The doors of a running service: plain HTTP for this machine or a proxy, HTTPS for everybody else."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

from aiohttp import web

from service.bootstrap import now
from service.config import SettingError, Settings, variable
from service.errors import PortError
from service.network import local_addresses
from service.tls import load_into, own_certificate, server_context
from web.app import KEEPALIVE_SECONDS, SHUTDOWN_SECONDS, make_app
from web.services import Services

log = logging.getLogger(__name__)

_LOOK_AGAIN = 12 * 3600.0  # seconds between looks at the certificate


def base_url(settings: Settings) -> str:
    """How people reach this service: as told, else the HTTPS address of this machine, else plain HTTP."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    if settings.tls_port:
        return f"https://{_reachable(settings.tls_host)}:{settings.tls_port}"
    return f"http://localhost:{settings.http_port}"


def _reachable(host: str) -> str:
    """The address to name for a door: this machine's first one when it listens on all of them."""
    if host in {"0.0.0.0", "::"}:  # noqa: S104 -- a comparison
        return local_addresses()[0]
    return f"[{host}]" if ":" in host else host


@asynccontextmanager
async def open_doors(settings: Settings, services: Services) -> AsyncIterator[None]:
    runner = web.AppRunner(
        make_app(services),
        access_log=None,  # the application writes its own, without personal data
        keepalive_timeout=KEEPALIVE_SECONDS,
        shutdown_timeout=SHUTDOWN_SECONDS,
    )
    async with AsyncExitStack() as stack:
        stack.push_async_callback(runner.cleanup)
        await runner.setup()
        if settings.http_port:
            await _open(runner, "http_port", settings.http_host, settings.http_port)
        if settings.tls_port:
            context = await asyncio.to_thread(tls_context, settings)
            await _open(runner, "tls_port", settings.tls_host, settings.tls_port, context)
            renewing = asyncio.create_task(_renewing(settings, context), name="certificate")
            stack.push_async_callback(_end, renewing)
        yield


async def _open(
    runner: web.AppRunner, setting: str, host: str, port: int, context: ssl.SSLContext | None = None
) -> None:
    try:
        await web.TCPSite(runner, host, port, ssl_context=context).start()
    except OSError as error:
        raise PortError(variable(setting), f"{host}:{port}", error.strerror or str(error)) from error


def tls_context(settings: Settings) -> ssl.SSLContext:
    """Raises SettingError for a certificate of the operator's that cannot be used."""
    try:
        return server_context(*_certificate(settings))
    except (OSError, ValueError) as error:
        if not settings.tls_certificate:
            raise
        raise SettingError(f"PEIBAN_TLS_CERTIFICATE and PEIBAN_TLS_KEY cannot be used: {error}") from error


def _certificate(settings: Settings) -> tuple[Path, Path]:
    if settings.tls_certificate:
        return Path(settings.tls_certificate), Path(settings.tls_key)
    public = urlsplit(settings.public_url).hostname
    names = ["localhost", *local_addresses(), *([public] if public else [])]
    return own_certificate(settings.data_dir / "keys" / "tls", names, now())


async def _renewing(settings: Settings, context: ssl.SSLContext) -> None:
    """Certificates are renewed while we run: whoever connects from then on gets the new one."""
    while True:
        await asyncio.sleep(_LOOK_AGAIN)
        try:
            certificate, key = await asyncio.to_thread(_certificate, settings)
            load_into(context, certificate, key)
        except (OSError, ValueError):
            log.exception("the certificate cannot be read anew; the old one stays in use")


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
