"""One request as a handler sees it: who asks, what was sent, and the ways to answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID, uuid5

from aiohttp import web

from cases.errors import MissingError
from cases.permissions import Actor, Subject, may
from web.bodies import path_id
from web.going_on import WATCHERS
from web.problems import BodyError, IdempotencyKeyError, NotLoggedInError
from web.views import Done

if TYPE_CHECKING:
    from cases.commands import Command
    from web.auth import Auth
    from web.evidence import Evidence
    from web.routing import Route
    from web.services import Services
    from web.sessions import Login

T = TypeVar("T")
PLACE = "X-Peiban-Place"
_KEEP_UP_SECONDS = 3.0  # how long an answer waits for the pages to have caught up with it


class Call:
    """`login` and `actor` are there whenever the route asks for a session."""

    def __init__(self, request: web.Request, route: Route, services: Services, auth: Auth, evidence: Evidence) -> None:
        self.request = request
        self.route = route
        self.services = services
        self.auth = auth
        self.files = services.files
        self.evidence = evidence
        self.asked = False
        self._login: Login | None = None
        self._actor: Actor | None = None
        self._cookies: list[Callable[[web.StreamResponse], None]] = []

    # who asks

    def enter(self, login: Login | None) -> None:
        """Pages for inspectors at the premises say so in a header; it tells a way in, and gives no right."""
        self._login = login
        self._actor = self.auth.actor(login) if login else None
        if self._actor is not None and self._actor.channel == "desk" and self.request.headers.get(PLACE) == "field":
            self._actor = replace(self._actor, channel="field")

    @property
    def login(self) -> Login:
        if self._login is None:
            raise NotLoggedInError
        return self._login

    @property
    def actor(self) -> Actor:
        if self._actor is None:
            raise NotLoggedInError
        return self._actor

    def permit(self, subject: Subject, action: str = "") -> None:
        """Asks the table for a read. What one may not see is not there: the same answer as for a wrong number."""
        self.asked = True
        if not may(self.actor, action or self.route.asks, subject):
            raise MissingError

    def visible(self, rows: Iterable[T], subject_of: Callable[[T], Subject], action: str = "") -> list[T]:
        self.asked = True
        return [row for row in rows if may(self.actor, action or self.route.asks, subject_of(row))]

    @property
    def address(self) -> str:
        """The caller's address. Of what a proxy forwards, only the last entry is its own; the others may be made up."""
        if came_through_proxy(self.request, self.services.settings.behind_proxy):
            # Some proxies append to the caller's header, others add a second line of it.
            forwarded = ",".join(self.request.headers.getall("X-Forwarded-For", ()))
            if last := forwarded.rpartition(",")[2].strip():
                return last
        return self.request.remote or "unknown"

    @property
    def secure(self) -> bool:
        return is_secure(self.request, self.services.settings.base_url, self.services.settings.behind_proxy)

    # what was sent

    def id(self, name: str) -> UUID:
        return path_id(self.request.match_info[name])

    def query(self, name: str) -> str:
        known = {query.name: query for query in self.route.queries}
        text = self.request.query.get(name, "")
        if text and not re.fullmatch(known[name].pattern, text):
            raise BodyError(fields={name: "is not understood"})
        return text

    @property
    def command_id(self) -> UUID:
        """Made from the client's key, the actor and the address: nobody can ask for another's answer."""
        try:
            key = UUID(self.request.headers.get("Idempotency-Key", ""))
        except ValueError:
            raise IdempotencyKeyError from None
        return uuid5(key, f"{self.actor.id} {self.request.method} {self.request.path}")

    def cookie(self, name: str) -> str:
        return self.request.cookies.get(self._cookie_name(name), "")

    # answers

    async def run(self, command: Command) -> Done:
        """Carries the command out, and waits a little for the pages to show it."""
        self.asked = True  # the dispatcher asks the table
        watchers = self.request.app[WATCHERS]
        watchers.commands += 1
        try:
            outcome = await self.services.dispatcher.handle(self.actor, command, self.command_id)
        finally:
            watchers.commands -= 1
        await self.shown(outcome.position)
        return Done(position=outcome.position, answer=dict(outcome.answer))

    async def shown(self, position: int) -> None:
        """Waits until the pages show this position, so that whoever acted reads what he did.

        Running out of time is no failure: the command is done, and the page follows by itself.
        """
        await self.services.runner.wait_for(position, timeout=_KEEP_UP_SECONDS)

    def set_cookie(self, name: str, value: str, *, seconds: int) -> None:
        """HttpOnly, SameSite=Lax; `__Host-` and Secure wherever there is TLS."""

        def put(response: web.StreamResponse) -> None:
            response.set_cookie(
                self._cookie_name(name), value, max_age=seconds, path="/", httponly=True, samesite="Lax",
                secure=self.secure,
            )  # fmt: skip

        self._cookies.append(put)

    def drop_cookie(self, name: str) -> None:
        def drop(response: web.StreamResponse) -> None:
            response.del_cookie(
                self._cookie_name(name), path="/", secure=self.secure, httponly=True, samesite="Lax"
            )  # fmt: skip

        self._cookies.append(drop)

    def bake(self, response: web.StreamResponse) -> None:
        for put in self._cookies:
            put(response)

    def _cookie_name(self, name: str) -> str:
        plain = f"peiban-{name}" if name else "peiban"
        return f"__Host-{plain}" if self.secure else plain


def came_through_proxy(request: web.BaseRequest, behind_proxy: bool) -> bool:
    """A proxy that ends TLS comes in by the plain door; whoever uses the other one speaks for himself."""
    return behind_proxy and not request.secure


def is_secure(request: web.BaseRequest, base_url: str, behind_proxy: bool) -> bool:
    """Whether the browser sees https; the proxy says so, or else the address that the service is known under."""
    if not came_through_proxy(request, behind_proxy):
        return request.secure
    told = request.headers.getall("X-Forwarded-Proto", ())
    return told[-1].strip().lower() == "https" if told else base_url.startswith("https://")
