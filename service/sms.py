"""Text messages through a gateway over HTTP, for production; the demonstration keeps them in its outbox."""

from __future__ import annotations

import aiohttp

_SECONDS = 10.0


class GatewayError(Exception):
    """The gateway did not take the message; whoever sends it tries again."""


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
                    raise GatewayError(f"the SMS gateway answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError) as error:
            raise GatewayError(f"the SMS gateway cannot be reached: {type(error).__name__}") from error
