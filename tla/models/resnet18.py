"""ResNet-18 for 32 x 32 images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.pixel_statistics import PixelStatistics, statistics
from tla.models.network.residual import PreActivationBlock, closing, initialise, stem
from tla.types import Shape


@MODELS.register("resnet18")
@dataclass(frozen=True, kw_only=True)
class ResNet18(Backbone):
    """Pre-activation ResNet-18, first convolution 3 x 3 at full resolution (11.2 M weights; He et al. 2016).

    Args:
        width: Channels of the first stage; the others have 2, 4 and 8 times as many (the last is the embedding).
        pixels: Data set whose pixel statistics normalise images, inside the network.
    """

    width: int = 64
    pixels: PixelStatistics = "cifar10"

    least: ClassVar[int] = 8
    small: ClassVar[Mapping[str, Any]] = {"width": 4}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 8 x 8 pixels."""
        self.check_size(shape)
        layers: list[nn.Module] = [stem(shape.channels, self.width)]
        inputs = self.width
        for stage in range(4):
            outputs = self.width * 2**stage
            layers.append(_block(inputs, outputs, 1 if stage == 0 else 2))
            layers.append(_block(outputs, outputs, 1))
            inputs = outputs
        backbone = nn.Sequential(*layers, *closing(inputs))
        initialise(backbone)
        return Classifier(backbone, inputs, classes, statistics(self.pixels, shape), shape)


def _block(inputs: int, outputs: int, stride: int) -> PreActivationBlock:
    resized = stride > 1 or inputs != outputs
    shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if resized else nn.Identity()
    return PreActivationBlock(inputs, outputs, stride, shortcut, activated=resized)
