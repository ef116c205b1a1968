"""The one shape of model that everything else works with."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from tla.types import Outputs


class Classifier(nn.Module):
    """A backbone, and the linear layer that reads its embedding.

    Normalisation is inside, so that images and eps stay in pixel units.

    Args:
        backbone: Maps normalised images (b, c, h, w) to embeddings (b, d), after the last activation.
        width: d.
        classes: Number of classes, >= 2.
        mean: Per-channel mean that is subtracted; none by default.
        std: Per-channel standard deviation that divides; none by default.

    Raises:
        ValueError: if there are fewer than two classes, or mean and std differ in length.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        backbone: nn.Module,
        width: int,
        classes: int,
        mean: tuple[float, ...] = (0.0,),
        std: tuple[float, ...] = (1.0,),
    ) -> None:
        super().__init__()
        if classes < 2:
            raise ValueError(f"classes must be >= 2, got {classes}")
        if len(mean) != len(std):
            raise ValueError(f"mean and std must have the same length, got {len(mean)} and {len(std)}")
        self.backbone = backbone
        self.head = nn.Linear(width, classes)
        self.normalises = any(m != 0 for m in mean) or any(s != 1 for s in std)
        self.register_buffer("mean", torch.tensor(mean).reshape(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).reshape(1, -1, 1, 1), persistent=False)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return self.head.out_features

    @property
    def width(self) -> int:
        """Length d of an embedding."""
        return self.head.in_features

    def forward(self, x: Float[Tensor, "b c h w"]) -> Outputs:
        """Logits and embeddings of images in [0, 1]."""
        if self.normalises:
            x = (x - self.mean) / self.std
        embedding = self.backbone(x)
        return Outputs(self.head(embedding), embedding)
