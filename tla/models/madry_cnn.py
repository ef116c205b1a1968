"""The network of the MNIST challenge, the usual one in papers on robust training."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.flatten import Flatten
from tla.types import Shape


@MODELS.register("madry_cnn")
@dataclass(frozen=True, kw_only=True)
class MadryCNN(Backbone):
    """Two 5 x 5 convolutions, each with pooling, and one hidden layer (3.3 M weights on 28 x 28; Madry et al. 2018).

    Args:
        width: Channels of the first convolution; the second has twice as many.
        embedding: Length of the embedding.
    """

    width: int = 32
    embedding: int = 1024

    least: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {"width": 4, "embedding": 8}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 4 x 4 pixels."""
        self.check_size(shape)
        after = 2 * self.width * (shape.height // 4) * (shape.width // 4)
        backbone = nn.Sequential(
            nn.Conv2d(shape.channels, self.width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(self.width, 2 * self.width, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            Flatten(),
            nn.Linear(after, self.embedding),
            nn.ReLU(),
        )
        return Classifier(backbone, self.embedding, classes, shape=shape)
