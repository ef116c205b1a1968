"""What a backbone's file provides: one frozen dataclass of its parameters, which builds the model."""

import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch

from tla.models.network.classifier import Classifier
from tla.registry import Registry
from tla.seeding import generator
from tla.types import Shape


@dataclass(frozen=True, kw_only=True)
class Backbone(ABC):
    """Parameters of a backbone; subclasses are registered in `MODELS`, one per file."""

    registry: ClassVar[Registry["Backbone"]]

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier (torch's default generator; `build_model` seeds it).

        Args:
            shape: Size of one image.
            classes: Number of classes.

        Raises:
            ValueError: if the backbone cannot take images of this size.
        """


MODELS: Registry[Backbone] = Registry("model", "tla.models")
Backbone.registry = MODELS

_INITIALISING = threading.Lock()


def build_model(backbone: Backbone, shape: Shape, classes: int, seed: int) -> Classifier:
    """A classifier whose weights follow from the seed alone; torch's global random state is left as it was.

    Args:
        backbone: Parameters of the network, `MODELS.build("small_cnn", width=16)`.
        shape: Size of one image.
        classes: Number of classes, >= 2.
        seed: Seed of the weights, >= 0.

    Returns:
        The network in training mode, on the CPU.

    Raises:
        ValueError: if the backbone cannot take images of this size, or seed is negative.
    """
    state = generator(seed, "init").get_state()
    with _INITIALISING:  # layers take no generator: the global one is lent to one thread at a time, and put back
        before = torch.get_rng_state()
        torch.set_rng_state(state)
        try:
            with torch.device("cpu"):
                return backbone.build(shape, classes)
        finally:
            torch.set_rng_state(before)


def check_size(name: str, shape: Shape, least: int) -> None:
    """Refuse images that are smaller than a backbone's strides.

    Raises:
        ValueError: names the backbone, what it needs and what came.
    """
    if min(shape.height, shape.width) < least:
        raise ValueError(
            f"{name} needs images of at least {least} x {least} pixels, got {shape.height} x {shape.width}"
        )
