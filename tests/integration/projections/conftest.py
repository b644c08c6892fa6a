from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from eventstore import EventStore
from projections import PROJECTIONS, Runner, open_pool
from tests.database import Database
from tests.unit.projections.story import Story


@pytest.fixture
async def pool(database: Database) -> AsyncIterator[Any]:
    pool = await open_pool(database.service_url)
    yield pool
    await pool.close()


@pytest.fixture
async def runner(store: EventStore, pool: Any) -> AsyncIterator[Runner]:
    """All read models, told by the service's role."""
    async with Runner(store, pool, list(PROJECTIONS.values()), lambda: Story().now) as runner:
        yield runner
