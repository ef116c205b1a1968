"""A working copy of a model, so that the caller's is never changed."""

import copy
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def working_copy(model: M, layout: torch.memory_format = torch.preserve_format) -> M:
    """A copy of a model that may be frozen and switched to evaluation; the model itself if it cannot be copied.

    Args:
        model: Any module.
        layout: Memory format of the copy's weights.
    """
    try:
        copied = copy.deepcopy(model)
        return copied if layout == torch.preserve_format else copied.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        return model


def duplicate(model: nn.Module) -> nn.Module:
    """A copy with weights of its own, which are trained where the model's are; TorchScript's too.

    Args:
        model: Not changed.
    """
    with torch.no_grad():  # else the weights of a copied TorchScript network depend on the old ones
        made = copy.deepcopy(model)
    for old, new in zip(model.parameters(), made.parameters(), strict=True):
        new.requires_grad_(old.requires_grad)
    return made
