"""Adversarial weight perturbation (Wu et al. 2020)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from tla.training.step_context import StepContext


def perturb_weights(context: StepContext, loss: Tensor, gamma: float) -> Callable[[], None]:
    """Move every weight matrix up the gradient of the loss by gamma times its norm.

    Args:
        context: Of the run whose network is perturbed.
        loss: At the current weights, with a gradient.
        gamma: Size of the perturbation relative to the norm of the matrix, >= 0.

    Returns:
        A function that restores the weights.
    """
    weights = matrices(context.module)
    gradients = [context.engine.mean(g) for g in torch.autograd.grad(loss, weights)]
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients, strict=True):
            weight.add_(gradient * (gamma * weight.norm() / (gradient.norm() + 1e-12)))

    def undo() -> None:
        with torch.no_grad():
            for weight, value in zip(weights, before, strict=True):
                weight.copy_(value)

    return undo


def matrices(module: nn.Module) -> list[nn.Parameter]:
    """Weight matrices and kernels: parameters of two dimensions or more."""
    return [weight for weight in module.parameters() if weight.requires_grad and weight.ndim > 1]
