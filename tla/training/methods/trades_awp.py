"""TRADES with adversarial weight perturbation."""

from dataclasses import dataclass

import torch

from tla.losses import Views
from tla.losses.trades import Divergence
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
from tla.training.methods.trades import DivergenceGoal
from tla.training.step_context import StepContext
from tla.training.weight_perturbation import perturb_weights
from tla.types import Outputs


@METHODS.register("trades-awp")
@dataclass(frozen=True, kw_only=True)
class TradesAWP(Method):
    """The loss of TRADES at adversarially perturbed weights (Wu et al. 2020; Zhang et al. 2019).

    Args:
        beta: Weight of the divergence, >= 0.
        gamma: Size of the perturbation of each weight matrix relative to its norm, >= 0.
        start: Share of all epochs before weights are perturbed, in [0, 1); the published recipe takes 0.05.
    """

    beta: float = 6.0
    gamma: float = 5e-3
    start: float = 0.05

    def __post_init__(self) -> None:
        at_least_zero(self, "beta", "gamma")
        if not 0 <= self.start < 1:
            raise ValueError(f"start must be in [0, 1), got {self.start}")

    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """CE(f_{w + v}(x), y) + beta * KL; its gradient there updates w."""
        goal = DivergenceGoal(context.evaluate(batch.x).logits.log_softmax(1))
        adversarial = context.attack(batch, goal)
        undo = None
        if context.progress >= self.start:
            both = context.probe(torch.cat((batch.x, adversarial)))
            cut = len(adversarial)
            views = Views(batch.y, Outputs(*(o[:cut] for o in both)), Outputs(*(o[cut:] for o in both)))
            undo = perturb_weights(context, self._loss(views, context).loss, self.gamma)
        outputs = context.forward(batch, adversarial=adversarial, natural=batch.x)
        terms = self._loss(Views(batch.y, clean=outputs.natural, adversarial=outputs.adversarial), context)
        return terms._replace(undo=undo)

    def _loss(self, views: Views, context: StepContext) -> Terms:
        cross_entropy = context.cross_entropy(Views(views.y, clean=views.clean))
        return Terms(cross_entropy + self.beta * Divergence()(views).loss, cross_entropy)
