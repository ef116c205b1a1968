"""Small data and short runs."""

import pytest
from training_small import few_digits, quick_config


@pytest.fixture
def few():
    """The first 200 training images of the digits."""
    return few_digits()


@pytest.fixture
def quick():
    """Configurations of two short epochs in float32."""
    return quick_config
