"""A small network trained on the digits."""

import pytest
from attack_cases import trained_on_digits


@pytest.fixture(scope="session")
def digits():
    """A trained network and 200 test images."""
    return trained_on_digits()
