from __future__ import annotations

import asyncio
from uuid import uuid4

from projections.changes import Broadcast


async def test_a_slow_listener_hears_the_latest_position_once() -> None:
    broadcast, key = Broadcast(), uuid4()
    async with broadcast.listen(key) as changes:
        for position in range(1, 10_001):
            broadcast.publish({key: position})
        assert await changes.get() == 10_000
        waiting = asyncio.ensure_future(changes.get())
        await asyncio.sleep(0)
        assert not waiting.done()
        broadcast.publish({key: 10_001})
        assert await waiting == 10_001


async def test_a_listener_hears_only_of_its_own_page() -> None:
    broadcast, mine, other = Broadcast(), uuid4(), uuid4()
    async with broadcast.listen(mine) as changes:
        broadcast.publish({other: 1})
        broadcast.publish({other: 2, mine: 2})
        assert await anext(changes) == 2


async def test_a_listener_that_went_away_is_forgotten() -> None:
    broadcast, key = Broadcast(), uuid4()
    async with broadcast.listen(key) as first:
        async with broadcast.listen(str(key)) as second:
            broadcast.publish_all(7)
            assert (await first.get(), await second.get()) == (7, 7)
        broadcast.publish({key: 8})
        assert await first.get() == 8
    assert not broadcast.listening


async def test_a_position_never_goes_back() -> None:
    broadcast, key = Broadcast(), uuid4()
    async with broadcast.listen(key) as changes:
        broadcast.publish({key: 9})
        broadcast.publish({key: 3})
        assert await changes.get() == 9
