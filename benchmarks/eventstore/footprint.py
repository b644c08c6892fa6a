"""A process of its own that follows a whole record; prints the most memory it ever held, in MB (RSS)."""

from __future__ import annotations

import asyncio
import resource
import sys

from benchmarks import matters
from benchmarks.eventstore.ours import KEYS
from eventstore import EventStore
START_PLACE = 0


async def follow(url: str, until: int) -> int:
    assert matters.Matter
    store = await EventStore.open(url, keys=KEYS)
    seen = 0
    async with store.follow(after=START_PLACE) as pages:
        async for page in pages:
            seen += len(page)
            if page[-1].position >= until:
                break
    await store.close()
    return seen


if __name__ == "__main__":
    url, until = sys.argv[1], int(sys.argv[2])
    seen = asyncio.run(follow(url, until))
    assert seen == until, f"{seen} of {until} followed"
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)  # noqa: T201 - its answer
