"""A synthetic study."""

import pytest
from dashboard import make_study
from synthetic import World


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A study of three methods, 60 images, with every table, picture and model."""
    return make_study(tmp_path_factory.mktemp("studies") / "small", world=World(methods=("natural", "at", "tla"), n=60))
