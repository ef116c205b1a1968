"""Has the representation collapsed? Dead features, few directions, similar classes."""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import unit


class Collapse(NamedTuple):
    """Statistics of a set of embeddings.

    Attributes:
        dead: Share of features that are constant over all images, in [0, 1].
        zeros: Share of all values that are exactly zero, in [0, 1].
        effective_rank: exp(entropy of the covariance's normalised eigenvalues), 1..d (Roy & Vetterli 2007); 0 if
            nothing varies.
        norm: Mean length of an embedding.
        crowding: Mean cosine between images of different classes, in [-1, 1]; NaN if there is only one class.
    """

    dead: float
    zeros: float
    effective_rank: float
    norm: float
    crowding: float


def collapse_statistics(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"]) -> Collapse:
    """Measure collapse.

    Args:
        embedding: Shape (n, d), n >= 1.
        y: Classes, shape (n,).
    """
    values = embedding.double()
    centred = values - values.mean(0)
    wide = values.shape[1] > len(values)  # both products have the same eigenvalues, but for zeros
    spectrum = torch.linalg.eigvalsh(centred @ centred.mT if wide else centred.mT @ centred).clamp_min(0)
    share = spectrum / spectrum.sum()
    rank = float(torch.special.entr(share).sum().exp()) if float(spectrum.sum()) > 0 else 0.0
    directions = unit(values)
    names, own = torch.unique(y, return_inverse=True)
    sums = directions.new_zeros(len(names), values.shape[1]).index_add_(0, own, directions)
    pairs = len(values) ** 2 - torch.bincount(own).square().sum()
    alike = sums.sum(0).square().sum() - sums.square().sum()
    return Collapse(
        dead=float((values == values[0]).all(0).double().mean()),
        zeros=float((values == 0).double().mean()),
        effective_rank=rank,
        norm=float(values.norm(dim=1).mean()),
        crowding=float(alike / pairs) if pairs > 0 else float("nan"),
    )
