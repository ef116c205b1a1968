"""Adversarial logit pairing."""

from dataclasses import dataclass
from typing import Literal

from tla.losses import Views
from tla.losses.alp import Pairing
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.step_context import StepContext


@METHODS.register("alp")
@dataclass(frozen=True, kw_only=True)
class ALP(Method):
    """Cross-entropy on clean and adversarial images, paired in their outputs (Kannan et al. 2018).

    Args:
        weight: Weight of the pairing term, >= 0.
        pair: What is paired: "logits" (published) or "features" (the paper's public code).
    """

    weight: float = 0.5
    pair: Literal["logits", "features"] = "logits"

    def __post_init__(self) -> None:
        at_least_zero(self, "weight")

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """Mean CE over x and x' together + weight * mean ||z(x) - z(x')||^2."""
        outputs = context.forward(batch, adversarial=context.attack(batch), natural=batch.x)
        views = Views(batch.y, clean=outputs.natural, adversarial=outputs.adversarial)
        cross_entropy = context.cross_entropy(views)
        return Terms(cross_entropy + self.weight * Pairing(of=self.pair)(views).loss, cross_entropy)
