"""Small data, small models, short runs."""

import pytest
import torch

from tla.attacks.pgd import PGD
from tla.data import Images
from tla.data.digits import Digits
from tla.models import Classifier
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


def images_of(labels, size=8, classes=3, seed=0):
    """Random images with given labels."""
    labels = torch.tensor(labels)
    pixels = torch.randint(256, (len(labels), 1, size, size), generator=torch.Generator().manual_seed(seed))
    names = tuple("abcdefghij"[:classes])
    return Images(pixels.to(torch.uint8), labels, names, torch.arange(len(labels)), "noise", "train")


def normed_classifier(classes=10):
    """A tiny classifier with batch norm."""
    torch.manual_seed(0)
    backbone = torch.nn.Sequential(
        torch.nn.Conv2d(1, 8, 3, stride=2), torch.nn.BatchNorm2d(8), torch.nn.ReLU(), torch.nn.Flatten(),
        torch.nn.Linear(72, 16), torch.nn.BatchNorm1d(16), torch.nn.ReLU(),
    )  # fmt: skip
    return Classifier(backbone, 16, classes)
