"""The types that are passed between packages."""

from collections.abc import Callable
from typing import NamedTuple

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
