"""A small convolutional network for MNIST-sized images, fast enough to train on two CPU cores."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.flatten import Flatten
from tla.types import Shape


@MODELS.register("small_cnn")
@dataclass(frozen=True, kw_only=True)
class SmallCNN(Backbone):
    """Two strided convolutions and one hidden layer (0.84 M weights on 28 x 28 images).

    Args:
        width: Channels of the first convolution; the second has twice as many.
        embedding: Length of the embedding.
    """

    width: int = 32
    embedding: int = 256

    least: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {"width": 4, "embedding": 8}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 4 x 4 pixels."""
        self.check_size(shape)
        after = self.width * 2 * (shape.height // 4) * (shape.width // 4)
        backbone = nn.Sequential(
            nn.Conv2d(shape.channels, self.width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(self.width, self.width * 2, 4, stride=2, padding=1),
            nn.ReLU(),
            Flatten(),
            nn.Linear(after, self.embedding),
            nn.ReLU(),
        )
        return Classifier(backbone, self.embedding, classes, shape=shape)
