"""Adversarial training with adversarial weight perturbation."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tla.losses import Views
from tla.training.batches import Batch
from tla.training.methods.base import METHODS, Method, Terms, at_least_zero
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
        undo = self._climb(batch, adversarial, tools)
        seen = tools.forward(batch, adversarial=adversarial)
        loss = tools.cross_entropy(Views(batch.y, adversarial=seen.adversarial))
        return Terms(loss, loss, undo=undo)

    def _climb(self, batch: Batch, adversarial: Tensor, tools: Toolbox) -> Callable[[], None]:
        """Move every weight matrix up the loss; returns what puts it back."""
        weights = matrices(tools.module)
        outputs = tools.trial(adversarial)
        loss = tools.cross_entropy(Views(batch.y, adversarial=outputs))
        gradients = [tools.engine.mean(g) for g in torch.autograd.grad(loss, weights)]
        kept = [weight.detach().clone() for weight in weights]
        with torch.no_grad():
            for weight, gradient in zip(weights, gradients, strict=True):
                weight.add_(gradient * (self.gamma * weight.norm() / (gradient.norm() + 1e-12)))

        def undo() -> None:
            with torch.no_grad():
                for weight, value in zip(weights, kept, strict=True):
                    weight.copy_(value)

        return undo


def matrices(module: nn.Module) -> list[nn.Parameter]:
    """Weight matrices and kernels: parameters of two dimensions or more."""
    return [weight for weight in module.parameters() if weight.requires_grad and weight.ndim > 1]
