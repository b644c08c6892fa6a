from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventstore import EventStore
from tests.database import Database
from tests.integration.web.world import Browser, World, open_world


@pytest.fixture
async def world(store: EventStore, database: Database, tmp_path: Path) -> AsyncIterator[World]:
    async with open_world(store, database, tmp_path) as world:
        yield world


@pytest.fixture
async def browser(world: World) -> AsyncIterator[Browser]:
    async with world.browser() as browser:
        yield browser
