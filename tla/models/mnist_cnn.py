"""The paper's convolutional network for MNIST."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.flatten import Flatten
from tla.types import Shape


@MODELS.register("mnist_cnn")
@dataclass(frozen=True, kw_only=True)
class MNISTCNN(Backbone):
    """Four 3 x 3 convolutions and one hidden layer, all with batch norm (13 M weights on 28 x 28; Mao et al. 2019).

    Args:
        width: Channels of the first convolution; the others have 2, 4 and 8 times as many.
        embedding: Length of the embedding.
    """

    width: int = 32
    embedding: int = 1024

    least: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {"width": 2, "embedding": 8}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 4 x 4 pixels."""
        self.check_size(shape)
        w = self.width
        after = 8 * w * (shape.height // 4) * (shape.width // 4)
        backbone = nn.Sequential(
            *_convolution(shape.channels, w),
            *_convolution(w, 2 * w),
            nn.MaxPool2d(2),
            *_convolution(2 * w, 4 * w),
            *_convolution(4 * w, 8 * w),
            nn.MaxPool2d(2),
            Flatten(),
            nn.Linear(after, self.embedding, bias=False),
            nn.BatchNorm1d(self.embedding),
            nn.ReLU(),
        )
        return Classifier(backbone, self.embedding, classes, shape=shape)


def _convolution(inputs: int, outputs: int) -> list[nn.Module]:
    return [nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
