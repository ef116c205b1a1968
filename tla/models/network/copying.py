"""A copy of a model to work on, so that its owner notices nothing."""

import copy
from typing import TypeVar

import torch
from torch import nn

M = TypeVar("M", bound=nn.Module)


def working_copy(model: M, layout: torch.memory_format = torch.preserve_format) -> M:
    """A copy of a model that can be frozen, laid out and switched to evaluation; the model itself if it has no copy.

    Args:
        model: Any module.
        layout: Memory format of the copy's weights.
    """
    try:
        twin = copy.deepcopy(model)
        return twin if layout == torch.preserve_format else twin.to(memory_format=layout)  # pyright: ignore[reportCallIssue]
    except (RuntimeError, TypeError, NotImplementedError, AttributeError):
        return model
