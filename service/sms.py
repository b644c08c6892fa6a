"""Text messages through a gateway over HTTP, for production; the demonstration keeps them in its outbox."""

from __future__ import annotations

import logging

import aiohttp

from web.problems import MessageNotSentError

log = logging.getLogger(__name__)

_SECONDS = 10.0


class GatewayMessenger:
    """POST {phone, text} as JSON with a bearer token; any 2xx answer means that the gateway has taken it over."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token

    async def send(self, phone: str, text: str) -> None:
        headers = {"Authorization": f"Bearer {self._token}"} if self._token else {}
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout) as session,
                session.post(self._url, json={"phone": phone, "text": text}, headers=headers) as answer,
            ):
                if not answer.ok:
                    log.warning("the SMS gateway refused a message", extra={"status": answer.status})
                    raise MessageNotSentError
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("the SMS gateway cannot be reached", extra={"error": type(error).__name__})
            raise MessageNotSentError from error
