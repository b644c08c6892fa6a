"""A process of its own that follows a whole record; prints the most memory it ever held, in MB (RSS)."""

from __future__ import annotations

import asyncio
import resource
import sys

from benchmarks.eventstore.ours import KEYS  # with it come the events' classes
from eventstore import EventStore, Place


async def follow(url: str, until: int) -> int:
    store = await EventStore.open(url, keys=KEYS)
    seen = 0
    async with store.follow(after=Place()) as pages:
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
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
