"""Is it alive, is it ready, how is it doing: for supervisors, load balancers and Prometheus."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Gauge, generate_latest

from eventstore import EventStoreError
from web.database import is_down
from web.going_on import WATCHERS
from web.log_gauges import LogGauges
from web.observe import Counts
from web.services import Services

_LAG_ALLOWED = 30.0  # seconds behind which pages would mislead


class Health:
    def __init__(self, services: Services, counts: Counts) -> None:
        self._services = services
        self._counts = counts
        registry = counts.registry
        self._lag = Gauge("peiban_projection_lag_events", "Events not told yet", ["projection"], registry=registry)
        self._age = Gauge(
            "peiban_projection_lag_seconds", "Age of the oldest event not told", ["projection"], registry=registry
        )
        self._running = Gauge("peiban_projection_running", "0 when stopped", ["projection"], registry=registry)
        self._head = Gauge("peiban_record_head", "Position of the newest event", registry=registry)
        self._commands = Gauge("peiban_commands_in_flight", "Commands waiting for their result", registry=registry)
        self._sockets = Gauge("peiban_room_sockets", "Open sockets of live rooms", registry=registry)
        self._watchers = Gauge("peiban_watched_pages", "Open event streams", registry=registry)
        self._log = LogGauges(registry)
        self._bytes = Gauge("peiban_journal_bytes", "Size of all recording journals", registry=registry)

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/healthz", self.alive)
        app.router.add_get("/readyz", self.ready)
        app.router.add_get("/metrics", self.metrics)

    async def alive(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def ready(self, request: web.Request) -> web.Response:
        """Ready when the record answers and every projection keeps up with it."""
        try:
            stopped = [
                status.name
                for status in await self._services.runner.status()
                if status.state == "stopped" or status.lag_seconds > _LAG_ALLOWED
            ]
            await self._services.database.value("SELECT 1")
        except Exception as error:
            if not (isinstance(error, EventStoreError) or is_down(error)):
                raise
            return web.json_response({"status": "database unavailable"}, status=503)
        if stopped:
            return web.json_response({"status": "projections behind", "projections": stopped}, status=503)
        return web.json_response({"status": "ready"})

    async def metrics(self, request: web.Request) -> web.Response:
        watchers = request.app[WATCHERS]
        self._watchers.set(watchers.open)
        self._sockets.set(watchers.sockets)
        self._commands.set(watchers.commands)
        self._bytes.set(await asyncio.to_thread(_size, self._services.settings.recordings))
        self._log.ask(self._services)
        await self._ask_the_record()
        body = await asyncio.to_thread(generate_latest, self._counts.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _ask_the_record(self) -> None:
        """What cannot be asked while the database is down keeps its last value: the counters are worth having then."""
        try:
            self._head.set(await self._services.store.head())
            statuses = await self._services.runner.status()
        except Exception as error:
            if not (isinstance(error, EventStoreError) or is_down(error)):
                raise
            return
        for status in statuses:
            self._lag.labels(status.name).set(status.lag_events)
            self._age.labels(status.name).set(status.lag_seconds)
            self._running.labels(status.name).set(status.state == "running")


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.glob("*/*.journal")) if folder.is_dir() else 0
