"""Small data, small models, short runs."""

import pytest
import torch

from tla.attacks.pgd import PGD
from tla.data.digits import Digits
from tla.training import TrainConfig, open_engine


@pytest.fixture(scope="session")
def digits():
    """scikit-learn's digits, training split."""
    return Digits().load().train


@pytest.fixture
def few(digits):
    """The first 200 of them."""
    return digits.subset(torch.arange(200))


@pytest.fixture
def quick():
    """Two short epochs in float32."""

    def make(**knobs):
        defaults = {
            "epochs": 2, "batch": 50, "eps": 0.15, "holdout": 40, "precision": "fp32",
            "attack": PGD(steps=2), "judge": PGD(steps=2),
        }  # fmt: skip
        return TrainConfig(**(defaults | knobs))

    return make


@pytest.fixture
def engine():
    """The CPU in float32."""
    return open_engine("cpu", "fp32")
