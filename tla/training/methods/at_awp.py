"""Adversarial training with adversarial weight perturbation."""

from dataclasses import dataclass

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.step_context import StepContext
from tla.training.weight_perturbation import perturb_weights


@METHODS.register("at-awp")
@dataclass(frozen=True, kw_only=True)
class ATAWP(Method):
    """Adversarial training at adversarially perturbed weights (Wu et al. 2020).

    Args:
        gamma: Size of the perturbation of each weight matrix relative to its norm, >= 0.
    """

    gamma: float = 5e-3

    def __post_init__(self) -> None:
        at_least_zero(self, "gamma")

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f_{w + v}(x'), y); its gradient there updates w."""
        adversarial = context.attack(batch)
        worst = context.cross_entropy(Views(batch.y, adversarial=context.probe(adversarial)))
        undo = perturb_weights(context, worst, self.gamma)
        outputs = context.forward(batch, adversarial=adversarial)
        loss = context.cross_entropy(Views(batch.y, adversarial=outputs.adversarial))
        return Terms(loss, loss, undo=undo)
