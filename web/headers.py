"""Headers of every answer: what a page of ours may load, and that nobody may frame, sniff or keep it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web

from web.call import is_secure
from web.services import EdgeSettings

_HOST = re.compile(r"[A-Za-z0-9.\-\[\]:]{1,255}")
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(self), geolocation=(self), payment=(), usb=()",
}


def content_policy(host: str) -> str:
    """Safari before 15.4 does not count a WebSocket of the same host as 'self', hence the host is named."""
    sockets = f" wss://{host} ws://{host}" if _HOST.fullmatch(host) else ""
    return (
        "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
        f"connect-src 'self'{sockets}; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )


def guarding(settings: EdgeSettings) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    async def guard(request: web.Request, response: web.StreamResponse) -> None:
        headers = response.headers
        headers["Server"] = "Peiban"  # not which version of what
        for name, value in _ALWAYS.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", content_policy(request.host))
        if is_secure(request, settings.base_url, settings.behind_proxy):
            headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        if not request.path.startswith("/assets/"):
            headers.setdefault("Cache-Control", "no-store")

    return guard
