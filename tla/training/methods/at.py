"""Adversarial training."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms
from tla.training.toolbox import Toolbox


@METHODS.register("at")
@dataclass(frozen=True, kw_only=True)
class AT(Method):
    """Cross-entropy on adversarial images only (Madry et al. 2018)."""

    def __call__(self, batch: Batch, tools: Toolbox) -> Terms:
        """CE(f(x'), y)."""
        seen = tools.forward(batch, adversarial=tools.attack(batch))
        loss = tools.cross_entropy(Views(batch.y, adversarial=seen.adversarial))
        return Terms(loss, loss)
