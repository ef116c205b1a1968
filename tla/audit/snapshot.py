"""Restore a model after an audit: mode, weights, buffers, gradients, and the global random states."""

import contextlib
import random  # noqa: TID251 (its state is restored, not used)
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn


class Snapshot(NamedTuple):
    """A model's state before the audit.

    Attributes:
        training: Names of the modules that were in training mode ("" is the model itself).
        tensors: Copies of all parameters and buffers, by name.
        gradients: The parameters' gradients, by name (None if there was none).
        frozen: Names of the parameters that need no gradient.
    """

    training: tuple[str, ...]
    tensors: dict[str, Tensor]
    gradients: dict[str, Tensor | None]
    frozen: tuple[str, ...]


def snapshot(model: nn.Module) -> Snapshot:
    """The state that `restoring` restores."""
    named = dict(model.named_parameters())
    return Snapshot(
        training=tuple(name for name, module in model.named_modules() if module.training),
        tensors={name: tensor.detach().clone() for name, tensor in _tensors(model).items()},
        gradients={name: parameter.grad for name, parameter in named.items()},
        frozen=tuple(name for name, parameter in named.items() if not parameter.requires_grad),
    )


def changes(model: nn.Module, before: Snapshot) -> tuple[str, ...]:
    """What evaluation changed: parameters and buffers with other values, modules now in training mode."""
    tensors = _tensors(model)
    moved = [name for name, tensor in before.tensors.items() if not _same(tensors.get(name), tensor)]
    return (*moved, *(name or "the model" for name, module in model.named_modules() if module.training))


@contextlib.contextmanager
def restoring(model: nn.Module) -> Iterator[Snapshot]:
    """Evaluation mode inside; afterwards the model and the global random states are restored.

    The flags are set one by one, as a model may override `model.eval()`.
    """
    before = snapshot(model)
    with _random_states():
        try:
            for module in model.modules():
                module.training = False
            yield before
        finally:
            _restore(model, before)


def _restore(model: nn.Module, before: Snapshot) -> None:
    for name, module in model.named_modules():
        module.training = name in before.training
    tensors = _tensors(model)
    with torch.no_grad():
        for name, tensor in before.tensors.items():
            now = tensors.get(name)
            if now is not None and not _same(now, tensor):
                now.copy_(tensor)
    for name, parameter in model.named_parameters():
        if name in before.gradients:
            parameter.grad = before.gradients[name]
            parameter.requires_grad_(name not in before.frozen)


@contextlib.contextmanager
def _random_states() -> Iterator[None]:
    python, numbers, cpu = random.getstate(), np.random.get_state(), torch.get_rng_state()  # noqa: NPY002
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)  # noqa: NPY002
        torch.set_rng_state(cpu)
        if cuda is not None:
            torch.cuda.set_rng_state_all(cuda)


def _tensors(model: nn.Module) -> dict[str, Tensor]:
    return {**dict(model.named_parameters()), **dict(model.named_buffers())}


def _same(now: Tensor | None, before: Tensor) -> bool:
    return now is not None and now.shape == before.shape and torch.equal(now.detach(), before)
