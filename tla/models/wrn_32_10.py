"""The wide residual network of the CIFAR-10 challenge, as in the paper."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.pixel_statistics import PixelStatistics, statistics
from tla.models.network.residual import PreActivationBlock, ShrinkAndPad, closing, initialise, stem
from tla.types import Shape


@MODELS.register("wrn-32-10")
@dataclass(frozen=True, kw_only=True)
class WRN3210(Backbone):
    """Wide ResNet with three stages of five blocks and shortcuts without weights (45.9 M weights; Madry et al. 2018).

    Args:
        widen: Channels of the stages are 16, 32 and 64 times this; the last is the embedding (640).
        blocks: Blocks in each stage.
        slope: Negative slope of the leaky ReLU.
        pixels: Data set whose pixel statistics normalise images, inside the network.
    """

    widen: int = 10
    blocks: int = 5
    slope: float = 0.1
    pixels: PixelStatistics = "cifar10"

    least: ClassVar[int] = 4
    small: ClassVar[Mapping[str, Any]] = {"widen": 1, "blocks": 1}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 4 x 4 pixels."""
        self.check_size(shape)
        layers: list[nn.Module] = [stem(shape.channels, 16)]
        inputs = 16
        for stage, outputs in enumerate(16 * 2**s * self.widen for s in range(3)):
            for block in range(self.blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                shortcut = ShrinkAndPad(outputs - inputs, stride) if inputs != outputs or stride > 1 else nn.Identity()
                first = stage == 0 and block == 0  # the published network activates before branching only there
                layers.append(PreActivationBlock(inputs, outputs, stride, shortcut, activated=first, slope=self.slope))
                inputs = outputs
        backbone = nn.Sequential(*layers, *closing(inputs, self.slope))
        initialise(backbone)
        return Classifier(backbone, inputs, classes, statistics(self.pixels, shape), shape)
