"""Adversarial training with adversarial weight perturbation."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.methods.perturbation import climb_weights
from tla.training.toolbox import Toolbox


@METHODS.register("at-awp")
@dataclass(frozen=True, kw_only=True)
class ATAWP(Method):
    """Adversarial training at the worst weights nearby (Wu et al. 2020).

    Args:
        gamma: Length of the move of each weight matrix, relative to its norm, >= 0.
    """

    gamma: float = 5e-3

    def __post_init__(self) -> None:
        at_least_zero(self, "gamma")

    def __call__(self, batch: Batch, tools: Toolbox) -> Terms:
        """CE(f_{w + v}(x'), y); the gradient taken there moves w."""
        adversarial = tools.attack(batch)
        worst = tools.cross_entropy(Views(batch.y, adversarial=tools.trial(adversarial)))
        undo = climb_weights(tools, worst, self.gamma)
        seen = tools.forward(batch, adversarial=adversarial)
        loss = tools.cross_entropy(Views(batch.y, adversarial=seen.adversarial))
        return Terms(loss, loss, undo=undo)
