"""A model that exists already: where it comes from, and how it is to be called."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class GivenModel:
    """A model that the study does not train; the same settings in a recipe, on the command line and in Python.

    Args:
        load: Where the network comes from: see `load_user_model`.
        weights: Trained weights of a torchvision model ("DEFAULT").
        head: Name of the layer whose input is the embedding, if it is not the layer that returns the logits.
    """

    load: str
    weights: str | None = None
    head: str | None = None

    def __post_init__(self) -> None:
        if not self.load:
            raise ValueError("given: load must say where the model comes from, got an empty text")

    def build(self, shape: tuple[int, ...] | None = None, classes: int | None = None) -> "nn.Module":
        """The model, returning `Outputs`, in evaluation mode on the CPU.

        Args:
            shape: Size of one image, (channels, height, width); if given, the model is checked with such images now.
            classes: Number of classes in the data; a model with another number is refused.

        Raises:
            ValueError: if the model is not found, or does not answer as `as_classifier` needs.
        """
        from tla.models.external.user import load_user_model

        return load_user_model(self.load, shape=shape, classes=classes, weights=self.weights, head=self.head)
