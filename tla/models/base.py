"""What a backbone's file provides: one frozen dataclass of its settings, which builds the network."""

import contextlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch

from tla.models.network.classifier import Classifier
from tla.registry import Registry
from tla.seeding import generator
from tla.tensors import as_shape
from tla.types import Shape


@dataclass(frozen=True, kw_only=True)
class Backbone(ABC):
    """Settings of a backbone; subclasses are registered in `MODELS`, one per file."""

    registry: ClassVar[Registry["Backbone"]]
    least: ClassVar[int] = 1
    """Smallest height and width of an image that it takes."""
    small: ClassVar[Mapping[str, Any]] = {}
    """Settings that make it small enough to test."""

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier (torch's default generator; `build_model` seeds it).

        Args:
            shape: Size of one image.
            classes: Number of classes.

        Raises:
            ValueError: if the backbone cannot take images of this size.
        """

    def check_size(self, shape: Shape) -> None:
        """Refuse images smaller than `least`.

        Raises:
            ValueError: names the backbone, what it needs and what came.
        """
        if min(shape.height, shape.width) < self.least:
            raise ValueError(
                f"{self.registry.name_of(self)} needs images of at least {self.least} x {self.least} pixels, "
                f"got {shape.height} x {shape.width}"
            )


MODELS: Registry[Backbone] = Registry("model", "tla.models")
Backbone.registry = MODELS

_INITIALISING = threading.RLock()  # code of a user that is loaded under it may build models too


def build_model(backbone: Backbone, shape: Shape, classes: int, seed: int) -> Classifier:
    """A classifier whose weights depend on the seed alone; torch's global random state is left unchanged.

    Args:
        backbone: Settings of the network, `MODELS.build("small_cnn", width=16)`.
        shape: Size of one image.
        classes: Number of classes, >= 2.
        seed: Seed of the weights, >= 0.

    Returns:
        The network in training mode, on the CPU.

    Raises:
        ValueError: if the backbone cannot take images of this size, or seed is negative.
    """
    with initialising(seed, "init"), torch.device("cpu"):
        return backbone.build(as_shape(shape), classes)


@contextlib.contextmanager
def initialising(seed: int, purpose: str) -> Iterator[None]:
    """Seed the global generator of the CPU while the block makes layers; restored afterwards.

    Layers take no generator: one thread at a time borrows the global one.

    Args:
        seed: Seed, >= 0.
        purpose: What is initialised; other purposes get other numbers.
    """
    state = generator(seed, purpose).get_state()
    with _INITIALISING:
        before = torch.get_rng_state()
        torch.set_rng_state(state)
        try:
            yield
        finally:
            torch.set_rng_state(before)
