"""From feature maps to one row per image, with gradients in the fast memory layout."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Flatten(nn.Flatten):
    """`nn.Flatten` whose gradient has the memory layout of the feature maps.

    The gradient of a flattened row is in channels-first order. If the maps are channels-last, all earlier layers would
    mix both layouts: on CPUs a ReLU's backward pass then takes 50 times as long, and an attack step on a small network
    half as long again.
    """

    def forward(self, input: Float[Tensor, "b ..."]) -> Float[Tensor, "b d"]:
        """Rows in channels-first order, whatever the layout in memory."""
        return _Rows.apply(input) if input.ndim == 4 and _channels_last(input) else super().forward(input)


class _Rows(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor) -> Tensor:
        return x.flatten(1)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor], output: Tensor) -> None:
        ctx.shape = inputs[0].shape

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> Tensor:
        b, c, h, w = ctx.shape
        return grad_outputs[0].reshape(b, c, h * w).transpose(1, 2).contiguous().reshape(b, h, w, c).permute(0, 3, 1, 2)


def _channels_last(x: Tensor) -> bool:
    """True where flattening copies: several channels, adjacent in memory."""
    return x.shape[1] > 1 and x.stride(1) == 1 and x.shape[2] * x.shape[3] > 1
