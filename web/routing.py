"""The table of routes: who may call, what is asked of the permission table, what goes in and what comes out.

The table drives the server, the OpenAPI document and the tests; a route that is not in it does not exist.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from cases.permissions import TABLE

if TYPE_CHECKING:
    from cases.commands import Command
    from web.call import Call
    from web.views import Done

API = "/api/v1"
JSON_LIMIT = 256 * 1024
UPLOAD_LIMIT = 21 * 1024 * 1024  # 20 MB of file and the form around it

# Kinds of session that may call a route; ANYONE needs none.
ANYONE: frozenset[str] = frozenset()
APPLICANT = frozenset({"applicant"})
STAFF = frozenset({"staff"})
MEMBERS = APPLICANT | STAFF
GUEST = frozenset({"guest"})
OUTSIDE = frozenset({"applicant", "guest"})
PARTICIPANTS = frozenset({"guest", "staff"})
ALL = frozenset({"applicant", "staff", "guest"})

Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class Query:
    """A query parameter; `pattern` is refused with the parameter's name when it does not fit."""

    name: str
    about: str
    pattern: str = r"[^\x00-\x1f]{0,200}"


@dataclass(frozen=True, kw_only=True)
class Route:
    """asks: the row of the permission table; `open_because` says why a route without one needs none.

    body: a struct, whose fields of the path's names are filled from the path; upload: form fields beside `file`.
    media: the type of the answer when it is not JSON. keyed: it takes an Idempotency-Key.
    """

    method: str
    path: str
    handler: Handler
    summary: str
    who: frozenset[str]
    asks: str = ""
    open_because: str = ""
    body: type[Any] | None = None
    upload: tuple[str, ...] | None = None
    answer: type[Any] | None = None
    media: str = "application/json"
    queries: tuple[Query, ...] = ()
    command: bool = False
    keyed: bool = False
    tag: str = ""

    @property
    def address(self) -> str:
        return API + self.path

    @property
    def operation(self) -> str:
        return self.handler.__name__ if not self.command or self.body is None else _camel(self.body.__name__)

    @property
    def placeholders(self) -> tuple[str, ...]:
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def changes(self) -> bool:
        return self.method != "GET"


@dataclass
class Routes:
    """The routes of one noun."""

    tag: str
    _routes: list[Route] = field(default_factory=list)

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def route(self, method: str, path: str, **facts: Any) -> Callable[[Handler], Handler]:
        def add(handler: Handler) -> Handler:
            self._add(Route(method=method, path=path, handler=handler, tag=self.tag, **facts))
            return handler

        return add

    def get(self, path: str, **facts: Any) -> Callable[[Handler], Handler]:
        return self.route("GET", path, **facts)

    def post(self, path: str, **facts: Any) -> Callable[[Handler], Handler]:
        return self.route("POST", path, **facts)

    def command(self, path: str, body: type[Command], *, who: frozenset[str], summary: str) -> None:
        """A route that is one command: decode, dispatch, answer."""
        from web.views import Done  # noqa: PLC0415 - views import the catalogue; the table itself stays light

        self._add(
            Route(
                method="POST",
                path=path,
                handler=_dispatch,
                summary=summary,
                who=who,
                asks=body.__name__,
                body=body,
                answer=Done,
                command=True,
                tag=self.tag,
            )
        )

    def _add(self, route: Route) -> None:
        # Whatever ends up in the record takes an Idempotency-Key.
        if route.changes and route.asks:
            route = replace(route, keyed=True)
        assert route.asks in TABLE or (not route.asks and route.open_because), f"{route.path} has no permission"
        self._routes.append(route)


async def _dispatch(call: Call, body: Command) -> Done:
    return await call.run(body)


def _camel(name: str) -> str:
    return name[0].lower() + name[1:]
