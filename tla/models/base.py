"""What a backbone's file provides: one frozen dataclass of its parameters, which builds the model."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from tla.models.classifier import Classifier
from tla.registry import Registry
from tla.types import Shape


@dataclass(frozen=True, kw_only=True)
class Backbone(ABC):
    """Parameters of a backbone; subclasses are registered in `MODELS`, one per file."""

    registry: ClassVar[Registry["Backbone"]]

    @abstractmethod
    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier (torch's default generator; seed it outside).

        Args:
            shape: Size of one image.
            classes: Number of classes.

        Raises:
            ValueError: if the backbone cannot take images of this size.
        """


MODELS: Registry[Backbone] = Registry("model", "tla.models")
Backbone.registry = MODELS
