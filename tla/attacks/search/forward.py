"""Forward passes, input gradients, precision, and checks of what goes in and comes out."""

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor

from tla.attacks.goals import Goal
from tla.models.network.calling import on_copy
from tla.tensors import as_images, dtype_of
from tla.threat import Threat
from tla.types import Model, Outputs


def forward(model: Model, x: Tensor) -> Outputs:
    """One forward pass.

    Raises:
        ValueError: if the model returns anything but `Outputs`.
    """
    outputs = on_copy(model, x)
    if not isinstance(outputs, Outputs):
        raise ValueError(
            f"model must return tla.types.Outputs (logits, embedding), {type(model).__name__} returned "
            f"{type(outputs).__name__}; wrap it with tla.models.as_classifier(model)"
        )
    return outputs


def forward_fp32(model: Model, x: Tensor) -> Outputs:
    """One forward pass in float32, without gradient, whatever the precision around it."""
    with torch.no_grad(), torch.autocast(x.device.type, enabled=False):
        return forward(model, x)


def low_precision(x: Tensor) -> bool:
    """True where autocast is on, so that success must be checked again in float32."""
    return torch.is_autocast_enabled(x.device.type)


@contextlib.contextmanager
def ambient(x: Tensor) -> Iterator[None]:
    """The current precision, without autocast's cache.

    A weight cast under `no_grad` must not stay in the cache: a training step under the same autocast would use it and
    get no gradient.
    """
    kind = x.device.type
    with torch.autocast(kind, torch.get_autocast_dtype(kind), enabled=low_precision(x), cache_enabled=False):
        yield


def input_gradient(value: Tensor, x: Tensor) -> Tensor:
    """The gradient of each example's value with respect to its image; gradients of weights are not computed.

    Raises:
        ValueError: if the value does not depend on x.
    """
    if not value.requires_grad:
        raise ValueError(
            "the model cuts the gradient between its input and its outputs; use an attack without gradients"
        )
    return torch.autograd.grad(value.sum(), x)[0]  # explicit grad_outputs would import sympy, which takes a second


def check_inputs(x: Tensor, goal: Goal, threat: Threat, model: Model | None = None) -> Tensor:
    """The images that an attack starts from: floats in the box, without gradient.

    Args:
        x: Tensor, array or lists, shape (b, ...).
        goal: For as many images.
        threat: Gives the box.
        model: The result has the type of its weights.

    Raises:
        ValueError: for an empty batch, images outside the box or not finite, or a goal or eps for another batch size.
    """
    x = as_images("x", x, low=threat.low, high=threat.high, dtype=None if model is None else dtype_of(model))
    if goal.size != len(x):
        raise ValueError(f"the goal is for {goal.size} examples, x has {len(x)}")
    threat.check_count(len(x))
    return x


def check_outputs(outputs: Outputs, goal: Goal) -> None:
    """Refuse unusable outputs of the first forward pass, before any step is taken.

    Raises:
        ValueError: for logits of a wrong shape, not finite, or that do not fit the goal.
    """
    logits = outputs.logits
    if logits.ndim != 2 or len(logits) != goal.size or logits.shape[1] < 2:
        raise ValueError(
            f"logits must have shape ({goal.size}, classes) with at least 2 classes, got {tuple(logits.shape)}"
        )
    broken = int((~torch.isfinite(logits).all(1)).sum())
    if broken:
        raise ValueError(f"logits are NaN or infinite for {broken} of {len(logits)} images; the model is broken there")
    goal.check(outputs)
