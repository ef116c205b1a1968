"""The synthetic study that the tests of figures share."""

import pytest
from synthetic import World, write_store


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A synthetic study with every table and picture."""
    return write_store(tmp_path_factory.mktemp("synthetic") / "study", World(n=120))
