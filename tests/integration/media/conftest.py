from collections.abc import AsyncIterator

import aioice.ice
import pytest

from inspection.media.plane import MediaPlane
from tests.integration.media.clip import Clip, encoded
from tests.integration.media.peers import close_all


@pytest.fixture(autouse=True)
async def loopback_only(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """aioice leaves 127.0.0.1 out by itself; the tests use nothing else."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])
    yield
    await close_all()


@pytest.fixture(scope="session")
def clip() -> Clip:
    return encoded()


@pytest.fixture
async def plane() -> AsyncIterator[MediaPlane]:
    made = await MediaPlane.start()
    yield made
    await made.close()
