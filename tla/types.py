"""The types that are passed between packages."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn


class Outputs(NamedTuple):
    """What a model returns for a batch.

    Attributes:
        logits: Unnormalised class scores, shape (b, classes).
        embedding: The vector h(x) that feeds the last linear layer, flattened, shape (b, d).
    """

    logits: Float[Tensor, "b k"]
    embedding: Float[Tensor, "b d"]


class Shape(NamedTuple):
    """Size of one image: channels, height, width."""

    channels: int
    height: int
    width: int


class Step(NamedTuple):
    """One step of an attack, as passed to `on_step`; tensors are detached, on the attack's device.

    Attributes:
        index: 0 for the starting point, then 1..steps.
        rows: Positions of the images still searched in the attacked batch, shape (r,).
        outputs: The model's outputs at the iterate, each with r rows.
        value: The goal's value (what the attack climbs), shape (r,).
        success: True where the iterate reaches the goal, shape (r,).
        images: The iterate itself, shape (r, ...).
        restart: Index of the restart, from 0.
    """

    index: int  # pyright: ignore[reportIncompatibleMethodOverride]
    rows: Int[Tensor, " r"]
    outputs: Outputs
    value: Float[Tensor, " r"]
    success: Bool[Tensor, " r"]
    images: Float[Tensor, "r ..."]
    restart: int


OnStep = Callable[[Step], None]
Model = nn.Module
"""Any module that maps images in [0, 1] to `Outputs`; see `tla.models.as_classifier` for others."""


def picture_shape(shape: torch.Size) -> Shape:
    """Channels, height and width under which values of any shape form a picture, as square as possible."""
    if len(shape) == 3:
        return Shape(*shape)
    if len(shape) == 2:
        return Shape(1, *shape)
    size = shape.numel()
    height = max(side for side in range(1, int(size**0.5) + 1) if size % side == 0)
    return Shape(1, height, size // height)
