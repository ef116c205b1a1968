"""The optimiser of a training run."""

import inspect
from typing import Any

import torch
from torch import nn

from tla.training.config import TrainConfig

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def make_optimizer(module: nn.Module, config: TrainConfig) -> torch.optim.Optimizer:
    """The optimiser; weight decay on weight matrices and kernels only.

    Args:
        module: The network.
        config: Optimiser, learning rate, momentum and weight decay.
    """
    weights = [p for p in module.parameters() if p.ndim > 1]
    others = [p for p in module.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    groups = [group for group in groups if group["params"]]
    kinds = (torch.optim.Adam, torch.optim.SGD) if config.compile else (Adam, SGD)
    if config.optimizer == "adam":
        return kinds[0](groups, lr=config.learning_rate, fused=True)
    nesterov = config.momentum > 0
    return kinds[1](groups, lr=config.learning_rate, momentum=config.momentum, nesterov=nesterov, fused=True)


class _Plain(torch.optim.Optimizer):
    """Optimisers without the decorators that hide their methods from torch.compile.

    For these decorators torch imports its compiler with the first optimiser: seconds and 160 MB that only compiled
    networks need. Here the same methods run undecorated.
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in _WRAPPED:
            setattr(cls, name, inspect.unwrap(getattr(cls, name)))
        cls.step = torch.no_grad()(inspect.unwrap(cls.step))  # pyright: ignore[reportAttributeAccessIssue]


class Adam(_Plain, torch.optim.Adam):
    """`torch.optim.Adam`."""


class SGD(_Plain, torch.optim.SGD):
    """`torch.optim.SGD`."""
