"""Exact nearest neighbours in chunks, with ties settled by position: the yardstick for every faster search."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance, unit

CHUNK = 2**23
SPARE = 8

Search = Callable[[Tensor, int], Tensor]
"""(queries (n, d), k) -> positions in a gallery that the search knows, (n, k), nearest first."""


class Nearest(NamedTuple):
    """Neighbours of each query, nearest first; of two at the same distance the smaller position first.

    Attributes:
        distance: As `tla.distances.distance` gives it, shape (n, k).
        position: Rows of the gallery, shape (n, k), int64.
    """

    distance: Float[Tensor, "n k"]
    position: Int[Tensor, "n k"]


def nearest(
    queries: Float[Tensor, "n d"],
    gallery: Float[Tensor, "m d"],
    k: int,
    name: DistanceName = "abs_cosine",
    *,
    without: Int[Tensor, " n"] | None = None,
) -> Nearest:
    """The k nearest rows of the gallery, by brute force; memory is bounded by chunks of queries.

    Args:
        queries: Embeddings, shape (n, d).
        gallery: Embeddings, shape (m, d).
        k: How many, 1 <= k <= m (m - 1 with `without`).
        name: The distance.
        without: For each query one position that is left out (the query itself), -1 for none, shape (n,).

    Raises:
        ValueError: for a k that the gallery cannot give.
    """
    most = len(gallery) - (without is not None)
    if not 1 <= k <= most:
        raise ValueError(f"k must lie between 1 and {most} (the gallery has {len(gallery)} rows), got {k}")
    queries, gallery = measured(queries.detach(), name), measured(gallery.detach(), name)
    wide = min(k + SPARE, most)
    rows = max(1, CHUNK // max(len(gallery), wide * gallery.shape[1]))
    parts = []
    for start in range(0, len(queries), rows):
        some = queries[start : start + rows]
        left_out = None if without is None else without[start : start + rows]
        found = _candidates(some, gallery, wide, name, left_out)
        parts.append(refine(some, gallery, found, k, name))
    if not parts:
        return Nearest(queries.new_empty(0, k), torch.empty(0, k, dtype=torch.long, device=queries.device))
    return Nearest(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))


def measured(embedding: Float[Tensor, "n d"], name: DistanceName) -> Float[Tensor, "n d"]:
    """What a distance compares: directions (length 1) for the cosines, the embeddings themselves otherwise."""
    return embedding if name == "euclidean" else unit(embedding)


def refine(
    queries: Float[Tensor, "n d"],
    gallery: Float[Tensor, "m d"],
    candidates: Int[Tensor, "n c"],
    k: int,
    name: DistanceName = "abs_cosine",
) -> Nearest:
    """The k nearest among candidates, measured row by row, so that equal vectors are equally far to the last bit.

    Args:
        queries: As `measured` gives them, shape (n, d).
        gallery: As `measured` gives it, shape (m, d).
        candidates: Positions in the gallery, shape (n, c), c >= k; repeated ones count once, -1 is nothing found.
        k: How many to keep.
        name: The distance.

    Returns:
        Where there are fewer than k candidates, the last are at position -1 and distance inf.
    """
    position = candidates.sort(dim=1).values
    vectors = gallery[position.clamp_min(0)]
    if name == "euclidean":
        far = distance(queries[:, None].expand_as(vectors), vectors, name)
    else:
        cosine = vectors.mul_(queries[:, None]).sum(2)
        far = 1 - (cosine.abs() if name == "abs_cosine" else cosine)
    repeated = torch.zeros_like(position, dtype=torch.bool)
    repeated[:, 1:] = position[:, 1:] == position[:, :-1]
    ordered = far.masked_fill_(repeated | (position < 0), torch.inf).sort(dim=1, stable=True)
    far = ordered.values[:, :k]
    return Nearest(far, position.gather(1, ordered.indices[:, :k]).masked_fill(far.isinf(), -1))


def ordering(queries: Float[Tensor, "n d"], gallery: Float[Tensor, "m d"], name: DistanceName) -> Float[Tensor, "n m"]:
    """Numbers that order the gallery as the distance does, smaller is nearer, by one matrix product.

    Args:
        queries: As `measured` gives them, shape (n, d).
        gallery: As `measured` gives it, shape (m, d).
        name: The distance.
    """
    if name == "euclidean":
        return torch.addmm(gallery.square().sum(1), queries, gallery.mT, alpha=-2)
    score = queries @ gallery.mT
    return score.abs_().neg_() if name == "abs_cosine" else score.neg_()


def leave_out(score: Float[Tensor, "n m"], without: Int[Tensor, " n"]) -> None:
    """Put one column of each row out of reach, in place; -1 for none."""
    place = without[:, None].clamp_min(0)
    score.scatter_(1, place, score.gather(1, place).masked_fill(without[:, None] >= 0, torch.inf))


def _candidates(queries: Tensor, gallery: Tensor, wide: int, name: DistanceName, without: Tensor | None) -> Tensor:
    """Positions of the `wide` nearest by one matrix product; among ties at the end the smaller positions."""
    score = ordering(queries, gallery, name)
    slack = torch.full_like(score[:, :1], 4 * torch.finfo(queries.dtype).eps)
    if name == "euclidean":
        slack *= queries.square().sum(1, keepdim=True) + gallery.square().sum(1).amax()
    if without is not None:
        leave_out(score, without)
    top = score.topk(min(wide + 1, score.shape[1]), dim=1, largest=False)
    bound = top.values[:, wide - 1 : wide]
    found = top.indices[:, :wide]
    tied = (top.values[:, wide:] <= bound + slack).any(1).nonzero()[:, 0]
    if not len(tied):
        return found
    bound, slack = bound[tied], slack[tied]
    place = torch.arange(len(gallery), device=score.device).expand(len(tied), -1)
    key = torch.where(score[tied] <= bound + slack, place, len(gallery)).masked_fill(score[tied] < bound - slack, -1)
    return found.index_copy(0, tied, key.topk(wide, dim=1, largest=False).indices)
