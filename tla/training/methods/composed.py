"""Adversarial training with any registered loss."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from tla.losses import LOSSES, Loss, Views
from tla.losses.mining.selection import nearest_other
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.step_context import StepContext
from tla.training.triplet_method import batch_triplets


@METHODS.register("composed")
@dataclass(frozen=True, kw_only=True)
class Composed(Method):
    """Cross-entropy plus a weight times any registered loss, on clean and adversarial images.

    Triplets are those of TLA within the batch: anchor h(x'), positive another clean image of its class, negative the
    nearest clean image of another class.

    Args:
        loss: Name of the loss: "triplet", or another of `tla list losses`.
        settings: Settings of the loss that differ from its defaults.
        weight: Weight of the loss, >= 0.
        cross_entropy: Images of the cross-entropy: "clean", "adversarial", "both", or "none" to leave it out.
    """

    loss: str = "triplet"
    settings: dict[str, Any] = field(default_factory=dict)
    weight: float = 1.0
    cross_entropy: Literal["clean", "adversarial", "both", "none"] = "adversarial"

    def __post_init__(self) -> None:
        at_least_zero(self, "weight")
        LOSSES.build(self.loss, **self.settings)

    @cached_property
    def built(self) -> Loss:
        """The loss with its settings."""
        return LOSSES.build(self.loss, **self.settings)

    def idle(self) -> dict[str, str]:
        """The loss and its settings, if its weight is zero."""
        return {} if self.weight else dict.fromkeys(("loss", "settings"), "weight is 0")

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE + weight * LOSS."""
        outputs = context.forward_joint(batch, context.attack(batch), [batch.x])
        clean, adversarial, embeddings = outputs.natural, outputs.adversarial, outputs.embeddings
        negatives = nearest_other(adversarial.embedding, batch.y, clean.embedding, batch.y, self.built.mining_distance)
        natural = torch.arange(len(batch.y), len(embeddings), device=batch.y.device)
        negatives = negatives._replace(rows=natural[negatives.rows])
        triplets = batch_triplets(batch.y, natural, negatives, context.mining)
        views = Views(batch.y, clean, adversarial, embeddings, triplets)
        value, active = self.built(views)
        cross_entropy = self._cross_entropy(views, context)
        triplet = torch.where(active.isnan(), active, value.detach())  # NaN for losses without triplets
        return Terms(cross_entropy + self.weight * value, cross_entropy, triplet, active)

    def _cross_entropy(self, views: Views, context: StepContext) -> Float[Tensor, ""]:
        if self.cross_entropy == "none":
            return views.y.new_zeros((), dtype=torch.float32)
        return context.cross_entropy(
            Views(
                views.y,
                clean=views.clean if self.cross_entropy in ("clean", "both") else None,
                adversarial=views.adversarial if self.cross_entropy in ("adversarial", "both") else None,
            )
        )
