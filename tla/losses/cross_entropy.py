"""Cross-entropy, with label smoothing."""

from dataclasses import dataclass

import torch
from torch.nn import functional

from tla.losses.base import LOSSES, Loss, LossValue, Views


@LOSSES.register("cross_entropy")
@dataclass(frozen=True, kw_only=True)
class CrossEntropy(Loss):
    """Mean cross-entropy over all images of the views: adversarial, clean, or both.

    Args:
        smoothing: Share of the label spread uniformly over all classes, in [0, 1).

    Raises:
        ValueError: for a smoothing outside [0, 1).
    """

    smoothing: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.smoothing < 1:
            raise ValueError(f"smoothing must be in [0, 1), got {self.smoothing}")

    def __call__(self, views: Views) -> LossValue:
        """Mean over b images, or over 2 b where the views hold clean and adversarial outputs."""
        logits = [outputs.logits.float() for outputs in (views.adversarial, views.clean) if outputs is not None]
        if not logits:
            raise ValueError("cross_entropy needs clean or adversarial outputs")
        value = functional.cross_entropy(torch.cat(logits), views.y.repeat(len(logits)), label_smoothing=self.smoothing)
        return LossValue(value, value.new_full((), float("nan")))
