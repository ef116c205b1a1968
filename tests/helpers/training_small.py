"""Builders that the tests of training share."""

import torch

from tla.data import Images
from tla.models import Classifier


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
