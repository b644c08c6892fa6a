from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.faults.servers import Pair


@pytest.fixture(scope="session")
def two_servers() -> Iterator[Pair]:
    """Made once, since that takes seconds; `begin` makes them anew in all that counts."""
    root = Path(tempfile.mkdtemp(prefix="peiban-test-"))
    root.chmod(0o755)
    pair = Pair(root)
    try:
        pair.start()
        yield pair
    finally:
        pair.stop()
        shutil.rmtree(root)
