"""The paper's small network for CIFAR-10."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.flatten import Flatten
from tla.models.network.pixel_statistics import PixelStatistics, statistics
from tla.types import Shape


@MODELS.register("cifar_convnet")
@dataclass(frozen=True, kw_only=True)
class CIFARConvNet(Backbone):
    """Four convolutions with batch norm (0.21 M weights; Mao et al. 2019).

    For images larger than 32 x 32 the output of the last convolution is averaged.

    Args:
        width: Channels of the first two convolutions; the third has 2, the last 4 times as many (the embedding).
        pixels: Data set whose pixel statistics normalise images, inside the network.
    """

    width: int = 32
    pixels: PixelStatistics = "cifar10"

    least: ClassVar[int] = 32
    small: ClassVar[Mapping[str, Any]] = {"width": 4}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 32 x 32 pixels."""
        self.check_size(shape)
        w = self.width
        backbone = nn.Sequential(
            nn.Conv2d(shape.channels, w, 5, padding=2),
            nn.BatchNorm2d(w),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(w, w, 5, padding=2),
            nn.BatchNorm2d(w),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(w, 2 * w, 5, padding=2),
            nn.BatchNorm2d(2 * w),
            nn.ReLU(),
            nn.AvgPool2d(2),
            nn.Conv2d(2 * w, 4 * w, 4),
            nn.BatchNorm2d(4 * w),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            Flatten(),
        )
        return Classifier(backbone, 4 * w, classes, statistics(self.pixels, shape), shape)
