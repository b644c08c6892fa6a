"""Closed loops of many writers, as tasks or as threads, and what they show."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

STREAM_LENGTH = 50
"""Events after which a writer begins another stream."""


@dataclass(frozen=True)
class Load:
    """rate: completed operations per second. latencies: seconds, sorted."""

    rate: float
    latencies: Sequence[float]

    def quantile(self, share: float) -> float:
        """Seconds; 0 when nothing was completed."""
        last = len(self.latencies) - 1
        return self.latencies[round(last * share)] if last >= 0 else 0.0


async def tasks(make: Sequence[Callable[[], Awaitable[object]]], seconds: float) -> Load:
    """One task per operation of `make`, each repeating its own."""
    latencies: list[float] = []
    begin = time.perf_counter()

    async def repeat(operation: Callable[[], Awaitable[object]]) -> None:
        before = time.perf_counter()
        while before < begin + seconds:
            await operation()
            after = time.perf_counter()
            latencies.append(after - before)
            before = after

    await asyncio.gather(*(repeat(operation) for operation in make))
    return Load(len(latencies) / (time.perf_counter() - begin), sorted(latencies))


def threads(make: Sequence[Callable[[], object]], seconds: float) -> Load:
    """The same with one thread per operation."""
    latencies: list[float] = []
    failed: list[BaseException] = []
    start = threading.Barrier(len(make) + 1)

    def repeat(operation: Callable[[], object]) -> None:
        try:
            start.wait()
            before = begin = time.perf_counter()
            while before < begin + seconds:
                operation()
                after = time.perf_counter()
                latencies.append(after - before)
                before = after
        except BaseException as error:
            failed.append(error)

    running = [threading.Thread(target=repeat, args=(operation,)) for operation in make]
    for thread in running:
        thread.start()
    start.wait()
    begin = time.perf_counter()
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]
    return Load(len(latencies) / (time.perf_counter() - begin), sorted(latencies))
