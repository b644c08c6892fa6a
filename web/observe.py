"""What the service tells about itself: one log line and one count per request, and gauges when asked.

Lines name the route's pattern, never the address as called: no query, token, number or name gets into a log.
"""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Histogram

from web.problems import answer_of, is_unexpected

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
REQUEST_ID = web.RequestKey("request_id", str)

access = logging.getLogger("peiban.access")
audit = logging.getLogger("peiban.audit")
errors = logging.getLogger("peiban.errors")

_QUIET_SECONDS = 60.0
_LINES_KEPT = 1000

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and whatever facts came in `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": _message(record),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["trace"] = _trace(record.exc_info[1])
        return json.dumps(line, ensure_ascii=False, default=str)


class SaidAlready(logging.Filter):
    """Lets each warning through once a minute: who waits for a database that is away says so every second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno != logging.WARNING:
            return True
        who = [str(value) for key, value in sorted(vars(record).items()) if key not in _STANDARD]
        line = " ".join([record.name, record.getMessage(), *who])
        last = self._said.get(line)
        if last is not None and 0 <= record.created - last < _QUIET_SECONDS:
            return False
        if len(self._said) >= _LINES_KEPT:
            self._said.clear()
        self._said[line] = record.created
        return True


def _message(record: logging.LogRecord) -> str:
    """Libraries put addresses of callers and pieces of requests into theirs: of those, only the pattern is written."""
    if record.name.partition(".")[0] in ("aiohttp", "asyncio"):
        return str(record.msg).partition("\n")[0]
    return record.getMessage()


def _trace(error: BaseException) -> str:
    """Where, and which kind of error; its own words, which may quote what people entered, are left out."""
    parts, seen = [], set[int]()
    told: BaseException | None = error
    while told is not None and id(told) not in seen:
        seen.add(id(told))
        parts.append("".join(traceback.format_tb(told.__traceback__)) + type(told).__name__)
        told = told.__cause__ or told.__context__
    return "\ncaused by\n".join(parts)


class Counts:
    """The request figures of one application; each application has a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "peiban_http_requests_total", "Requests by route and status", ["method", "route", "status"],
            registry=self.registry,
        )  # fmt: skip
        self.seconds = Histogram(
            "peiban_http_request_seconds", "Time to the end of the answer", ["route"], registry=self.registry
        )


def observing(counts: Counts) -> Any:
    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        request_id = request[REQUEST_ID] = str(uuid4())
        begun, status = time.perf_counter(), 499  # 499: the client went away
        try:
            response = await _answer(request, handler, request_id)
            status = response.status
            if not response.prepared:
                response.headers["X-Request-Id"] = request_id
            return response
        finally:
            _note(counts, request, request_id, status, time.perf_counter() - begun)

    return observe


async def _answer(request: web.Request, handler: Handler, request_id: str) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPException as answer:
        if answer.status < 400:
            raise
        return answer_of(answer, request_id)
    except Exception as error:
        if is_unexpected(error):
            errors.error(
                "request failed",
                exc_info=_without_values(error),
                extra={"request": request_id, "route": _route(request), "error": type(error).__name__},
            )
        return answer_of(error, request_id)


def _without_values(error: Exception) -> Exception:
    """The error for the log: its trace shows where; its message, which may quote what people entered, is left out."""
    return RuntimeError(type(error).__name__).with_traceback(error.__traceback__)


def _note(counts: Counts, request: web.Request, request_id: str, status: int, seconds: float) -> None:
    route = _route(request)
    counts.requests.labels(request.method if route != "-" else "-", route, str(status)).inc()
    counts.seconds.labels(route).observe(seconds)
    access.info(
        "request",
        extra={
            "request": request_id,
            "method": request.method,
            "route": route,
            "status": status,
            "milliseconds": round(seconds * 1000, 1),
        },
    )


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "-"
