"""Exact nearest neighbours in chunks, ties broken by position: the reference for every faster search."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance, unit

CHUNK = 2**23
SPARE = 8

Search = Callable[[Tensor, int], Tensor]
"""(queries (n, d), k) -> positions in the gallery that the search was built on, (n, k), nearest first."""


class Nearest(NamedTuple):
    """Neighbours of each query, nearest first; at equal distance the smaller position first.

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
        without: One position per query to leave out (the query itself), -1 for none, shape (n,).

    Raises:
        ValueError: for a k out of range.
    """
    most = len(gallery) - (without is not None)
    if not 1 <= k <= most:
        raise ValueError(f"k must lie between 1 and {most} (the gallery has {len(gallery)} rows), got {k}")
    queries, gallery = normalised(queries.detach(), name), normalised(gallery.detach(), name)
    count = min(k + SPARE, most)
    rows = max(1, CHUNK // max(len(gallery), count * gallery.shape[1]))
    # one result, written in parts: small ones between the large arrays of each part would keep memory from being reused
    found = Nearest(
        queries.new_empty(len(queries), k), torch.empty(len(queries), k, dtype=torch.long, device=queries.device)
    )
    for start in range(0, len(queries), rows):
        part = slice(start, start + rows)
        left_out = None if without is None else without[part]
        candidates = _candidates(queries[part], gallery, count, name, left_out)
        found.distance[part], found.position[part] = refine(queries[part], gallery, candidates, k, name)
    return found


def normalised(embedding: Float[Tensor, "n d"], name: DistanceName) -> Float[Tensor, "n d"]:
    """The vectors that a distance compares: unit vectors for the cosines, the embeddings themselves otherwise."""
    return embedding if name == "euclidean" else unit(embedding)


def refine(
    queries: Float[Tensor, "n d"],
    gallery: Float[Tensor, "m d"],
    candidates: Int[Tensor, "n c"],
    k: int,
    name: DistanceName = "abs_cosine",
) -> Nearest:
    """The k nearest candidates, computed row by row, so that equal vectors are equally far to the last bit.

    Args:
        queries: As `normalised` returns them, shape (n, d).
        gallery: As `normalised` returns it, shape (m, d).
        candidates: Positions in the gallery, shape (n, c), c >= k; repeated ones count once, -1 is none.
        k: How many to keep.
        name: The distance.

    Returns:
        With fewer than k candidates, the last positions are -1 and their distances inf.
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
    """Scores in the order of the distance, smaller is nearer, by one matrix product.

    Args:
        queries: As `normalised` returns them, shape (n, d).
        gallery: As `normalised` returns it, shape (m, d).
        name: The distance.
    """
    if name == "euclidean":
        return torch.addmm(gallery.square().sum(1), queries, gallery.mT, alpha=-2)
    score = queries @ gallery.mT
    return score.abs_().neg_() if name == "abs_cosine" else score.neg_()


def find_ids(ids: Int[Tensor, " n"], among: Int[Tensor, " m"]) -> Int[Tensor, " n"]:
    """Position of each id among others that are all different, m >= 1; -1 if it is not there."""
    order = among.argsort()
    place = torch.searchsorted(among[order], ids).clamp_max(len(among) - 1)
    return order[place].masked_fill(among[order[place]] != ids, -1)


def leaving_out(search: Search, without: Int[Tensor, " n"]) -> Search:
    """A search that leaves out one position per query: an image is not its own neighbour.

    Args:
        search: Of the whole gallery.
        without: One position per query, -1 for none, shape (n,).

    Returns:
        A search for exactly these n queries, in this order, with k <= m - 1.
    """

    def others(queries: Tensor, k: int) -> Tensor:
        found = search(queries, k + 1)
        itself_last = (found == without[:, None]).int().argsort(dim=1, stable=True)
        return found.gather(1, itself_last[:, :k])

    return others


def leave_out(score: Float[Tensor, "n m"], without: Int[Tensor, " n"]) -> None:
    """Set one column of each row to infinity, in place; -1 for none."""
    place = without[:, None].clamp_min(0)
    score.scatter_(1, place, score.gather(1, place).masked_fill(without[:, None] >= 0, torch.inf))


def _candidates(queries: Tensor, gallery: Tensor, count: int, name: DistanceName, without: Tensor | None) -> Tensor:
    """Positions of the `count` nearest by one matrix product; of those tied for the last place the smaller ones."""
    score = ordering(queries, gallery, name)
    slack = torch.full_like(score[:, :1], 4 * torch.finfo(queries.dtype).eps)
    if name == "euclidean":
        slack *= queries.square().sum(1, keepdim=True) + gallery.square().sum(1).amax()
    if without is not None:
        leave_out(score, without)
    top = score.topk(min(count + 1, score.shape[1]), dim=1, largest=False)
    bound = top.values[:, count - 1 : count]
    found = top.indices[:, :count]
    tied = (top.values[:, count:] <= bound + slack).any(1).nonzero()[:, 0]
    if not len(tied):
        return found
    bound, slack = bound[tied], slack[tied]
    place = torch.arange(len(gallery), device=score.device).expand(len(tied), -1)
    key = torch.where(score[tied] <= bound + slack, place, len(gallery)).masked_fill(score[tied] < bound - slack, -1)
    return found.index_copy(0, tied, key.topk(count, dim=1, largest=False).indices)
