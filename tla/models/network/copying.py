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
