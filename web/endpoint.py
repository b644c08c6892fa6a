"""From a route of the table to an aiohttp handler: origin, session, forgery token, body, answer; in this order."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from cases.errors import MissingError
from web.bodies import decode, read_json, read_upload
from web.call import Call
from web.going_on import WATCHERS
from web.problems import ForeignOriginError, ForgeryError, NotForYouError, NotLoggedInError, WrongTypeError

if TYPE_CHECKING:
    from web.auth import Auth
    from web.evidence import Evidence
    from web.routing import Route
    from web.services import Services
    from web.sessions import Login

_encode = msgspec.json.Encoder().encode
CALL = web.RequestKey("call", Call)


class Endpoint:
    def __init__(self, route: Route, services: Services, auth: Auth, evidence: Evidence) -> None:
        self._route = route
        self._services = services
        self._auth = auth
        self._evidence = evidence

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        route = self._route
        call = Call(request, route, self._services, self._auth, self._evidence)
        request[CALL] = call
        if route.changes or route.media == "websocket":
            require_own_origin(call)
        if route.who:
            login = await self._login(call)
            if route.changes:
                _require_token(call, login)
            _enter(call, login)
        answer = await route.handler(call, *await self._arguments(call))
        assert call.asked or not route.asks, f"{route.path} answered without asking the permission table"
        response = answer if isinstance(answer, web.StreamResponse) else _json(answer)
        if not response.prepared:
            call.bake(response)
        return response

    async def _login(self, call: Call) -> Login:
        """The session that fits the route: the browser's own one first, then the one that an invitation opened."""
        wants_guest = call.request.query.get("as") == "guest"
        main = None if wants_guest else await self._auth.find(call, "main")
        if main is not None and main.kind in self._route.who:
            return main
        if "guest" in self._route.who and (guest := await self._auth.find(call, "guest")):
            return guest
        raise NotForYouError if main is not None else NotLoggedInError

    async def _arguments(self, call: Call) -> list[Any]:
        route, settings = self._route, self._services.settings
        if "Content-Encoding" in call.request.headers:  # no page compresses what it sends; bombs are
            raise WrongTypeError(expected="identity")
        if route.upload is not None:
            with call.request.app[WATCHERS].uploading(call.actor.id):
                return list(await read_upload(call.request, route.upload, settings.upload_seconds))
        if route.body is not None:
            value = await read_json(call.request, settings.json_seconds)
            return [decode(value, route.body, call.request.match_info)]
        return []


def require_own_origin(call: Call) -> None:
    """What browsers say about where a request comes from has to be this site."""
    request, settings = call.request, call.services.settings
    origin = request.headers.get("Origin")
    if origin is None:
        if request.headers.get("Sec-Fetch-Site") != "same-origin":
            raise ForeignOriginError
    elif origin not in (settings.base_url, f"{'https' if call.secure else 'http'}://{request.host}"):
        raise ForeignOriginError


def _require_token(call: Call, login: Login) -> None:
    if not hmac.compare_digest(call.request.headers.get("X-CSRF-Token", "").encode(), login.csrf.encode()):
        raise ForgeryError


def _enter(call: Call, login: Login) -> None:
    try:
        call.enter(login)
    except MissingError:  # a member of staff who is none any more
        raise NotLoggedInError from None


def _json(answer: Any) -> web.Response:
    return web.Response(body=_encode(answer), content_type="application/json", charset="utf-8")
