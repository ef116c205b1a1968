"""The model that everything else works with."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tla.models.network.pixel_statistics import NONE, Statistics
from tla.types import Outputs, Shape


class Normalise(nn.Module):
    """(x - mean) / std per channel, inside the model, so that images and eps stay in pixel units.

    Args:
        statistics: Mean and standard deviation, one number for all channels or one per channel.

    Raises:
        ValueError: if mean and std differ in length, or a std is not positive.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, statistics: Statistics = NONE) -> None:
        super().__init__()
        mean, std = statistics
        if len(mean) != len(std):
            raise ValueError(f"mean and std must have the same length, got {len(mean)} and {len(std)}")
        if min(std) <= 0:
            raise ValueError(f"std must be > 0, got {std}")
        self.register_buffer("mean", torch.tensor(mean).reshape(-1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(-1, 1, 1), persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        """Normalised images."""
        return (x - self.mean) / self.std


class Classifier(nn.Module):
    """A backbone, and a linear layer on its embedding.

    Args:
        backbone: Maps normalised images (b, c, h, w) to embeddings (b, d), after the last activation.
        width: d.
        classes: Number of classes, >= 2.
        statistics: Statistics to normalise images by; none by default.
        shape: Size of the images, if the backbone takes one size only; others are refused.

    Raises:
        ValueError: if there are fewer than two classes.
    """

    def __init__(
        self,
        backbone: nn.Module,
        width: int,
        classes: int,
        statistics: Statistics = NONE,
        shape: Shape | None = None,
    ) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes must be >= 2, got {classes}")
        self.normalise = nn.Identity() if statistics == NONE else Normalise(statistics)
        self.backbone = backbone
        self.head = nn.Linear(width, classes)
        self.shape = shape

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.head.out_features

    @property
    def width(self) -> int:
        """Length d of an embedding."""
        return self.head.in_features

    def forward(self, x: Float[Tensor, "b c h w"]) -> Outputs:
        """Logits and embeddings of images in [0, 1].

        Raises:
            ValueError: for images of another size than the backbone was built for.
        """
        if self.shape is not None and tuple(x.shape[1:]) != tuple(self.shape):
            expected = ", ".join(map(str, self.shape))
            raise ValueError(f"images must have shape (b, {expected}), got {tuple(x.shape)}")
        embedding = self.backbone(self.normalise(x))
        return Outputs(self.head(embedding), embedding)
