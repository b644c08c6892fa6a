"""The package's own recorder, application and projection runner, and raw inserts by pgbench."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import singledispatchmethod
from pathlib import Path
from typing import Any
from uuid import uuid4

from eventsourcing.application import Application
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import StoredEvent, Tracking
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.sql import SQL

from benchmarks.eventstore.load import STREAM_LENGTH, Load, threads
from benchmarks.eventstore.server import Database
from benchmarks.matters import PackageMatter
from eventstore.embedded import SUPERUSER, installation

_DEPTH = 20  # events of a stream before a command is measured on it
_COMMANDS = 10  # commands on one stream before the writer goes on to the next


def append(database: Database, state: bytes, writers: int, seconds: float) -> Load:
    """insert_events of one event each, from threads."""
    store = PostgresDatastore(database.name, database.host, 5432, SUPERUSER, "", pool_size=writers)
    recorder = PostgresApplicationRecorder(store, events_table_name="package_events")
    recorder.create_table()

    def writer() -> Callable[[], object]:
        stream, version = uuid4(), 0

        def write() -> None:
            nonlocal stream, version
            version += 1
            recorder.insert_events([StoredEvent(stream, version, "benchmark-step-recorded", state)])
            if version == STREAM_LENGTH:
                stream, version = uuid4(), 0

        return write

    try:
        return threads([writer() for _ in range(writers)], seconds)
    finally:
        store.close()


def raw_inserts(database: Database, state: bytes, writers: int, seconds: float) -> float:
    """Prepared single-row inserts per second, as pgbench counts them: the same columns and indexes as our record."""
    binaries = str(installation() / "bin")
    address = ["-h", database.host, "-U", SUPERUSER, database.name]
    table = (
        "SET client_min_messages = warning; CREATE TABLE IF NOT EXISTS raw_events"
        " (notification_id bigserial PRIMARY KEY, originator_id uuid NOT NULL,"
        " originator_version bigint NOT NULL, topic text NOT NULL, state bytea NOT NULL, hash bytea NOT NULL,"
        " recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(), UNIQUE (originator_id, originator_version))"
    )
    insert = (
        "INSERT INTO raw_events (originator_id, originator_version, topic, state, hash) VALUES"
        " (gen_random_uuid(), 1, 'benchmark-step-recorded', decode(:state, 'hex'), decode(:hash, 'hex'));"
    )
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "insert.sql"
        script.write_text(insert)
        subprocess.run([f"{binaries}/psql", "-q", "-c", table, *address], check=True)
        words = [
            f"{binaries}/pgbench", "-n", "-M", "prepared", "-f", str(script), "-c", str(writers), "-j", "2",
            "-T", str(max(1, round(seconds))), "-D", f"state={state.hex()}", "-D", f"hash={'0f' * 32}", *address,
        ]  # fmt: skip
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    assert found, done.stdout
    return float(found[1])


def commands(database: Database, writers: int, seconds: float, *, cached: bool) -> Load:
    """Load an aggregate that is twenty events deep, let it decide, append durably."""
    environment = _environment(database, pool_size=writers)
    if cached:
        environment |= {"AGGREGATE_CACHE_MAXSIZE": "10000"}
    application = Application[Any](env=environment)

    def prepare() -> Any:
        matter = PackageMatter(item="food")
        for _ in range(_DEPTH - 1):
            matter.record()
        application.save(matter)
        return matter.id

    def writer() -> Callable[[], object]:
        stream, done = prepare(), 0

        def command() -> None:
            nonlocal stream, done
            if done == _COMMANDS:
                stream, done = prepare(), 0
            matter: PackageMatter = application.repository.get(stream)
            matter.record()
            application.save(matter)
            done += 1

        return command

    try:
        return threads([writer() for _ in range(writers)], seconds)
    finally:
        application.close()


class _View(PostgresTrackingRecorder):
    def __init__(self, datastore: PostgresDatastore, **options: Any) -> None:
        super().__init__(datastore, **options)
        for table in ("matters_timeline_v1", "matters_progress_v1"):
            self.sql_create_statements.append(
                SQL(f"CREATE TABLE IF NOT EXISTS package_{table} (LIKE projections.{table} INCLUDING ALL)").format()
            )

    def tell(self, event: PackageMatter.StepRecorded, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            self._insert_tracking(cursor, tracking=tracking)
            cursor.execute(
                "INSERT INTO package_matters_timeline_v1 VALUES (%s, %s, %s, %s, %s, %s)",
                (event.originator_id, event.originator_version, event.timestamp, event.step, event.office, event.note),
            )
            cursor.execute(
                "INSERT INTO package_matters_progress_v1 VALUES (%s, %s, %s, %s) ON CONFLICT (stream_id) DO UPDATE"
                " SET step = excluded.step, version = excluded.version, at = excluded.at",
                (event.originator_id, event.step, event.originator_version, event.timestamp),
            )


class _Told(Projection[_View]):
    name = "package"
    topics = ()

    @singledispatchmethod
    def process_event(self, domain_event: DomainEventProtocol[Any], tracking: Tracking) -> None:
        self.view.insert_tracking(tracking)

    @process_event.register
    def _(self, domain_event: PackageMatter.StepRecorded, tracking: Tracking) -> None:
        self.view.tell(domain_event, tracking)


def projection(database: Database, events: int) -> float:
    """Events per second that the package's runner tells, of a backlog of so many."""
    environment = _environment(database, pool_size=2)
    application = Application[Any](env=environment)
    for _ in range(0, events, _DEPTH):
        matter = PackageMatter(item="food")
        for _ in range(_DEPTH - 1):
            matter.record()
        application.save(matter)
    last = application.recorder.max_notification_id()
    application.close()
    begin = time.perf_counter()
    with ProjectionRunner(
        application_class=Application, projection_class=_Told, view_class=_View, env=environment
    ) as runner:
        runner.wait(last, timeout=300)
    return events / (time.perf_counter() - begin)


def _environment(database: Database, *, pool_size: int) -> dict[str, str]:
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": database.name,
        "POSTGRES_HOST": database.host,
        "POSTGRES_USER": SUPERUSER,
        "POSTGRES_PASSWORD": os.environ.get("PGPASSWORD", "unused"),
        "POSTGRES_POOL_SIZE": str(pool_size),
    }
