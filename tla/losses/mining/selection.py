"""Selecting positives and negatives as indices of keys, without copies and without waiting for the device."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.distances import DistanceName, pairwise


class Choice(NamedTuple):
    """One key per query.

    Attributes:
        rows: Index of the chosen key, shape (b,); 0 where there was none.
        valid: True where a key could be chosen, shape (b,).
    """

    rows: Int[Tensor, " b"]
    valid: Bool[Tensor, " b"]


@torch.no_grad()
def nearest_other(
    queries: Float[Tensor, "b d"],
    y: Int[Tensor, " b"],
    keys: Float[Tensor, "m d"],
    key_y: Int[Tensor, " m"],
    name: DistanceName = "abs_cosine",
) -> Choice:
    """The nearest key of another class: the hardest negative of the pool (the paper's "semi-hard").

    Keys may be a pool of fresh images (the paper), the batch's own clean images, or a memory bank.

    Args:
        queries: Embeddings to find negatives for, shape (b, d).
        y: Their classes, shape (b,).
        keys: Embeddings to choose from, shape (m, d).
        key_y: Their classes, shape (m,); -1 marks an empty place, which is never chosen.
        name: Distance, see `tla.distances`.
    """
    allowed = (y[:, None] != key_y[None, :]) & (key_y >= 0)
    far = pairwise(queries.float(), keys.float(), name).masked_fill(~allowed, float("inf"))
    return Choice(far.argmin(1), allowed.any(1))


@torch.no_grad()
def random_key(allowed: Bool[Tensor, "b m"], generator: torch.Generator) -> Choice:
    """A key drawn uniformly from those that each query may take.

    Args:
        allowed: True where query b may take key m, shape (b, m).
        generator: Source of random numbers, on the device of `allowed`.
    """
    draw = torch.rand(allowed.shape, generator=generator, device=allowed.device).masked_fill(~allowed, -1)
    return Choice(draw.argmax(1), allowed.any(1))


def same_class(y: Int[Tensor, " b"], key_y: Int[Tensor, " m"], own: Int[Tensor, " b"]) -> Bool[Tensor, "b m"]:
    """Which keys are of a query's class, other than the query's own image.

    Args:
        y: Classes of the queries, shape (b,).
        key_y: Classes of the keys, shape (m,).
        own: Index of each query's own image among the keys, shape (b,); -1 or >= m where it is not one of them.
    """
    places = torch.arange(len(key_y), device=key_y.device)
    return (y[:, None] == key_y[None, :]) & (own[:, None] != places[None, :])


def other_class(y: Int[Tensor, " b"], key_y: Int[Tensor, " m"]) -> Bool[Tensor, "b m"]:
    """Which keys are of another class than each query's; -1 marks an empty place, which is never allowed."""
    return (y[:, None] != key_y[None, :]) & (key_y >= 0)[None, :]
