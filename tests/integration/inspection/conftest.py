from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from eventstore import EventStore
from inspection.media.plane import MediaPlane
from tests.integration.inspection.world import World, build
from tests.integration.media.clip import Clip, encoded
from tests.integration.media.conftest import loopback_only

__all__ = ["loopback_only"]


@pytest.fixture(scope="session")
def clip() -> Clip:
    return encoded()


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    made = await MediaPlane.start()
    yield made
    await made.close()


@pytest.fixture
async def world(store: EventStore) -> World:
    """An inspection planned, offered and bound; nothing answered yet."""
    return await build(store)
