"""How well classes are separated: silhouette, and scatter within and between them."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import unit


class Scatter(NamedTuple):
    """Scatter of unit embeddings; within + between is the total.

    Attributes:
        within: Mean squared distance of an embedding to the mean of its class.
        between: Mean squared distance of the class means (weighted by size) to the mean of all.
        ratio: within / between; 0 if every class has collapsed to a point.
    """

    within: float
    between: float
    ratio: float


def silhouette(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """Silhouette of each embedding under the cosine distance, in [-1, 1] (Rousseeuw 1987).

    (b - a) / max(a, b), where a is the mean distance to the others of its class and b the smallest mean distance to
    another class. The cosine distance is linear in unit vectors, so class sums replace all pairs.

    Args:
        embedding: Shape (n, d).
        y: Classes, shape (n,).

    Returns:
        Shape (n,); 0 for a class of one; NaN if there is only one class.
    """
    names, own = torch.unique(y, return_inverse=True)
    if len(names) < 2:
        return torch.full_like(embedding[:, 0], torch.nan)
    directions = unit(embedding.double())
    total = torch.zeros(len(names), embedding.shape[1], dtype=torch.float64, device=embedding.device)
    total.index_add_(0, own, directions)
    size = torch.bincount(own)
    summed = size - directions @ total.mT
    mine = own[:, None]
    others = (size[own] - 1).clamp_min(1)
    to_self = 1 - directions.square().sum(1)
    a = (summed.gather(1, mine)[:, 0] - to_self) / others
    b = (summed / size).scatter(1, mine, torch.inf).amin(1)
    value = (b - a) / torch.maximum(a, b).clamp_min(1e-12)
    return value.masked_fill(size[own] == 1, 0).to(embedding.dtype)


def class_scatter(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Scatter:
    """Scatter within and between classes; see `Scatter`. NaN without embeddings."""
    directions = unit(embedding.double())
    names, own = torch.unique(y, return_inverse=True)
    size = torch.bincount(own, minlength=len(names))
    means = directions.new_zeros(len(names), embedding.shape[1]).index_add_(0, own, directions) / size[:, None]
    within = float((directions - means[own]).square().sum(1).mean())
    between = float(((means - directions.mean(0)).square().sum(1) * size).sum() / max(1, len(embedding)))
    return Scatter(within, between, within / between if between > 0 else float("nan"))
