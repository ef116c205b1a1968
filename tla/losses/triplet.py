"""The triplet term of TLA."""

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.losses.base import LOSSES, Loss, LossValue, Views

NormForm = Literal["mean_square", "l2", "none"]


@LOSSES.register("triplet")
@dataclass(frozen=True, kw_only=True)
class Triplet(Loss):
    """mean [D(a, p) - D(a, n) + alpha]_+ + rho * L_norm (Mao et al. 2019, eq. 3-4).

    Args:
        alpha: Margin by which the negative should be farther than the positive, >= 0.
        rho: Weight of the embeddings' norms, >= 0.
        distance: "abs_cosine" as published, "cosine" or "euclidean".
        norm: "mean_square" (the public code), "l2" (the paper) or "none".
        reduction: "mean" over all valid triplets, or over the "active" ones only.

    Raises:
        ValueError: for a negative alpha or rho.
    """

    alpha: float = 0.05
    rho: float = 1e-4
    distance: DistanceName = "abs_cosine"
    norm: NormForm = "mean_square"
    reduction: Literal["mean", "active"] = "mean"

    def __post_init__(self) -> None:
        for name in ("alpha", "rho"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)}")

    @property
    def mining_distance(self) -> DistanceName:
        """That of the loss."""
        return self.distance

    def __call__(self, views: Views) -> LossValue:
        """The triplet term; invalid triplets have no weight."""
        if views.embeddings is None or views.triplets is None:
            raise ValueError("triplet needs embeddings and triplets")
        rows, embeddings = views.triplets, views.embeddings.float()
        a, p, n = (embeddings.index_select(0, r) for r in (rows.anchor, rows.positive, rows.negative))
        gap = distance(a, p, self.distance) - distance(a, n, self.distance) + self.alpha
        valid = rows.valid.to(gap.dtype)
        active = valid * (gap > 0)
        hinge = (gap.clamp_min(0) * valid).sum()
        count = active.sum() if self.reduction == "active" else valid.sum()
        value = hinge / count.clamp_min(1)
        if self.norm != "none" and self.rho > 0:
            value = value + self.rho * norm_term(a, p, n, valid, self.norm)
        return LossValue(value, (active.sum() / valid.sum().clamp_min(1)).detach())


def norm_term(
    a: Float[Tensor, "t d"],
    p: Float[Tensor, "t d"],
    n: Float[Tensor, "t d"],
    weight: Float[Tensor, " t"],
    form: NormForm,
) -> Float[Tensor, ""]:
    """L_norm: a penalty on the norms of the embeddings in the triplets.

    Args:
        a: Anchors, shape (t, d).
        p: Positives, shape (t, d).
        n: Negatives, shape (t, d).
        weight: 1 for triplets that count, 0 for others, shape (t,).
        form: "mean_square": a^2 + p^2 + n^2, averaged over triplets and features; "l2": the sum of the three
            L2 norms, averaged over triplets; "none": 0.
    """
    if form == "none":
        return a.new_zeros(())
    squares = [v.square().sum(1) for v in (a, p, n)]
    each = sum(squares) / a.shape[1] if form == "mean_square" else sum((s + 1e-20).sqrt() for s in squares)
    return (torch.as_tensor(each) * weight).sum() / weight.sum().clamp_min(1)
