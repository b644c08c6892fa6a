"""`python -m benchmarks.eventstore [--quick]`: us, the package, and raw inserts side by side.

Every operation ends in a durable commit, on a server whose flush costs one millisecond. Peers take turns within a
round, so that a neighbour's load falls on all of them; what is printed is the median over the rounds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import uuid4

import uvloop

from benchmarks.eventstore import ours, peers
from benchmarks.eventstore.load import Load
from benchmarks.eventstore.server import Server, slow_server
from benchmarks.matters import Matter
from eventstore.mapper import Mapper

WRITERS = 64


@dataclass(frozen=True)
class Plan:
    rounds: int
    seconds: float
    package_projection: int
    projection: int
    rebuild: int
    followed: int


QUICK = Plan(rounds=1, seconds=1.5, package_projection=400, projection=20_000, rebuild=60_000, followed=100_000)
WHOLE = Plan(rounds=3, seconds=4.0, package_projection=2_000, projection=100_000, rebuild=400_000, followed=1_000_000)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eventstore", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, under 40 s")
    plan = QUICK if parser.parse_args(arguments).quick else WHOLE
    with slow_server() as server:
        figures = _measure(server, plan)
    print(json.dumps({name: round(value, 3) for name, value in figures.items()}))
    return 0


def _measure(server: Server, plan: Plan) -> Mapping[str, float]:
    figures = _appends(server, plan) | _commands(server, plan) | _projections(server, plan)
    figures |= _following(server, plan)
    figures["rss_mb"] = _footprint(server, plan)
    _row("memory of a process that followed it all", f"{figures['rss_mb']:.0f} MB", f"{plan.followed:,} events")
    return figures


def _appends(server: Server, plan: Plan) -> dict[str, float]:
    state = _state()
    package, raw, own = server.database(), server.database(), server.database()
    of_package: list[Load] = []
    of_raw: list[float] = []
    of_own: list[Load] = []
    for _ in range(plan.rounds):
        of_package.append(peers.append(package, state, WRITERS, plan.seconds))
        of_raw.append(peers.raw_inserts(raw, state, WRITERS, plan.seconds))
        of_own.append(_run(ours.append(own, state, WRITERS, plan.seconds)))
    _title(f"append, {WRITERS} writers")
    _load("the package's recorder, threads", of_package)
    _row("raw single-row inserts (pgbench)", f"{median(of_raw):,.0f}/s")
    _load("ours, with hash, key and causes", of_own)
    return {
        "append_vs_library": _ratio(of_own, of_package),
        "append_vs_raw_insert": median(own.rate / raw for own, raw in zip(of_own, of_raw, strict=True)),
        "append_p99_ms_at_64": median(load.quantile(0.99) for load in of_own) * 1000,
    }


def _commands(server: Server, plan: Plan) -> dict[str, float]:
    _title(f"command on an aggregate of 20 events, {WRITERS} at once")
    figures: dict[str, float] = {}
    for name, cached, title in (
        ("command_vs_library", True, "both with their caches"),
        ("command_cold_vs_library", False, "loaded each time"),
    ):
        package, own = server.database(), server.database()
        of_package, of_own = [], []
        for _ in range(plan.rounds):
            of_package.append(peers.commands(package, WRITERS, plan.seconds, cached=cached))
            of_own.append(_run(ours.commands(own, WRITERS, plan.seconds, cached=cached)))
        _load(f"the package, {title}", of_package)
        _load(f"ours, {title}", of_own)
        figures[name] = _ratio(of_own, of_package)
    return figures


def _projections(server: Server, plan: Plan) -> dict[str, float]:
    package, own = server.database(), server.database()
    _run(ours.fill(own, _state(), plan.projection))
    of_package = peers.projection(package, plan.package_projection)
    of_own = _run(ours.projection(own, plan.projection))
    larger = server.database()
    _run(ours.fill(larger, _state(), plan.rebuild))
    rebuilt = median(_run(ours.rebuilding(larger)) for _ in range(plan.rounds))
    _title("projection: a timeline and the newest step")
    _row("the package's runner", f"{of_package:,.0f} events/s")
    _row("ours, live", f"{of_own:,.0f} events/s")
    _row("ours, rebuilt beside the live one", f"{rebuilt:,.0f} events/s")
    return {"projection_vs_library": of_own / of_package, "rebuild_events_per_s": rebuilt}


def _following(server: Server, plan: Plan) -> dict[str, float]:
    _title("from the command to a follower, 500 commands a second")
    seen = _run(ours.following(server.database(), plan.seconds))
    last = len(seen) - 1
    middle, late = seen[last // 2] * 1000, seen[round(last * 0.99)] * 1000
    _row("ours", f"p50 {middle:.1f} ms, p99 {late:.1f} ms")
    return {"follow_p99_ms": late}


def _footprint(server: Server, plan: Plan) -> float:
    database = server.database()
    _run(ours.fill(database, _state(), plan.followed))
    words = [sys.executable, "-m", "benchmarks.eventstore.footprint", database.service_url, str(plan.followed)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    return uvloop.run(work)


def _state() -> bytes:
    matter = Matter.open(uuid4())
    matter.record()
    *_, step = matter.collect_events()
    return Mapper().to_stored_event(step).state


def _ratio(of_own: Sequence[Load], of_package: Sequence[Load]) -> float:
    return median(own.rate / package.rate for own, package in zip(of_own, of_package, strict=True))


def _title(text: str) -> None:
    print(f"\n{text}")


def _load(name: str, loads: Sequence[Load]) -> None:
    rate = median(load.rate for load in loads)
    middle, late = (median(load.quantile(share) for load in loads) * 1000 for share in (0.5, 0.99))
    _row(name, f"{rate:,.0f}/s", f"p50 {middle:.1f} ms, p99 {late:.1f} ms")


def _row(name: str, *figures: str) -> None:
    print(f"  {name:<44}" + "".join(f"{figure:>18}  " for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
