"""Adversarial training."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms
from tla.training.step_context import StepContext


@METHODS.register("at")
@dataclass(frozen=True, kw_only=True)
class AT(Method):
    """Cross-entropy on adversarial images only (Madry et al. 2018)."""

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f(x'), y)."""
        outputs = context.forward(batch, adversarial=context.attack(batch))
        loss = context.cross_entropy(Views(batch.y, adversarial=outputs.adversarial))
        return Terms(loss, loss)
