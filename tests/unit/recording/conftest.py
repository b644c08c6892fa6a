import pytest

from tests.integration.media.clip import Clip, encoded


@pytest.fixture(scope="session")
def clip() -> Clip:
    return encoded()
