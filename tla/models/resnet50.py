"""ResNet-50 for 64 x 64 images."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from tla.models.base import MODELS, Backbone
from tla.models.network.classifier import Classifier
from tla.models.network.pixel_statistics import PixelStatistics, statistics
from tla.types import Shape


@MODELS.register("resnet50")
@dataclass(frozen=True, kw_only=True)
class ResNet50(Backbone):
    """torchvision's bottleneck ResNet behind a 3 x 3 convolution of stride 2, for 64 x 64 images.

    Args:
        blocks: Blocks in each stage. The default is the paper's for Tiny ImageNet; (3, 4, 6, 3) is the usual ResNet-50.
        width: Channels of the first bottleneck (64 as published); the embedding always has 2048.
        pixels: Data set whose pixel statistics normalise images, inside the network.
    """

    blocks: tuple[int, int, int, int] = (2, 3, 5, 2)
    width: int = 64
    pixels: PixelStatistics = "imagenet"

    least: ClassVar[int] = 16
    small: ClassVar[Mapping[str, Any]] = {"width": 4, "blocks": (1, 1, 1, 1)}

    def build(self, shape: Shape, classes: int) -> Classifier:
        """A freshly initialised classifier for images of at least 16 x 16 pixels."""
        from torchvision.models.resnet import Bottleneck, ResNet

        self.check_size(shape)
        backbone = ResNet(Bottleneck, list(self.blocks), num_classes=1, width_per_group=self.width)
        backbone.conv1 = nn.Conv2d(shape.channels, 64, 3, stride=2, padding=1, bias=False)
        nn.init.kaiming_normal_(backbone.conv1.weight, mode="fan_out", nonlinearity="relu")
        backbone.maxpool = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        backbone.fc = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
        return Classifier(backbone, 2048, classes, statistics(self.pixels, shape), shape)
