"""How well queries retrieve their own class: recall@k and MAP@R."""

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import leave_out, normalised, ordering

CHUNK = 2**22


def recall_at_k(neighbour_y: Int[Tensor, "n r"], y: Int[Tensor, " n"], k: int) -> Bool[Tensor, " n"]:
    """True if at least one of the k nearest has the query's class (recall@k of metric learning).

    Args:
        neighbour_y: Classes of the neighbours, nearest first, shape (n, r), r >= k.
        y: Classes of the queries, shape (n,).
        k: How many neighbours count.

    Raises:
        ValueError: for a k out of range.
    """
    if not 1 <= k <= neighbour_y.shape[1]:
        raise ValueError(f"k must lie between 1 and {neighbour_y.shape[1]} (the neighbours given), got {k}")
    return (neighbour_y[:, :k] == y[:, None]).any(1)


def map_at_r(
    queries: Float[Tensor, "n d"],
    y: Int[Tensor, " n"],
    gallery: Float[Tensor, "m d"],
    gallery_y: Int[Tensor, " m"],
    name: DistanceName = "abs_cosine",
    *,
    without: Int[Tensor, " n"] | None = None,
) -> Float[Tensor, " n"]:
    """Mean average precision at R of each query, exactly, in chunks of queries (Musgrave et al. 2020).

    R is the number of gallery vectors of the query's class. MAP@R = 1/R sum over ranks i <= R of (precision at i, if
    the i-th neighbour has the class, else 0); in [0, 1], and 1 only if all R nearest have it. At equal distance other
    classes come first, so that the order of the gallery does not matter.

    Args:
        queries: Embeddings, shape (n, d).
        y: Their classes, shape (n,).
        gallery: Embeddings, shape (m, d).
        gallery_y: Their classes, shape (m,).
        name: The distance.
        without: One position per query to leave out of the gallery, -1 for none, shape (n,).

    Returns:
        Shape (n,); NaN if the gallery has no vector of the class.
    """
    size = torch.bincount(gallery_y, minlength=int(y.max()) + 1 if len(y) else 0)
    relevant = size[y]
    if without is not None:
        relevant = relevant - ((without >= 0) & (gallery_y[without.clamp_min(0)] == y)).long()
    queries, gallery = normalised(queries.detach(), name), normalised(gallery.detach(), name)
    rows = max(1, CHUNK // len(gallery))
    # one result, written in parts: small ones between the large arrays of each part would keep memory from being reused
    found = torch.full_like(queries[:, 0], torch.nan)
    for start in range(0, len(queries), rows):
        some = slice(start, start + rows)
        deepest = int(relevant[some].max())
        if deepest == 0:
            continue
        score = ordering(queries[some], gallery, name)
        if without is not None:
            leave_out(score, without[some])
        hit = _ranked(score, gallery_y == y[some, None], deepest)
        found[some] = average_precision(hit, relevant[some]).to(queries.dtype)
    return found


def _ranked(score: Float[Tensor, "n m"], hit: Bool[Tensor, "n m"], depth: int) -> Bool[Tensor, "n r"]:
    """Hits in the order of their scores, smallest first, misses before hits at equal score.

    A float's bits, read as an integer with those of negative floats inverted, sort in the float's order. The last bit
    is replaced by the hit: one plain sort then carries the labels along, three times as fast as a sort with positions.
    Overwrites the scores.
    """
    whole = torch.int64 if score.dtype == torch.float64 else torch.int32
    key = score.view(whole)
    key ^= (key >> (8 * key.element_size() - 1)) & torch.iinfo(whole).max
    key &= -2
    key |= hit.to(whole)
    if key.device.type != "cpu":
        return (key.topk(depth, dim=1, largest=False, sorted=True).values & 1).bool()
    keys = key.numpy()
    if depth < keys.shape[1]:
        keys = np.partition(keys, depth - 1, axis=1)[:, :depth]
    return torch.from_numpy(np.sort(keys, axis=1) & 1).bool()


def average_precision(hit: Bool[Tensor, "n r"], relevant: Int[Tensor, " n"]) -> Float[Tensor, " n"]:
    """MAP@R from ranked hits.

    Args:
        hit: True if the neighbour at that rank has the query's class, nearest first, shape (n, r).
        relevant: R of each query, <= r, shape (n,).

    Returns:
        Shape (n,), float32; NaN if R is 0.
    """
    rank = torch.arange(1, hit.shape[1] + 1, device=hit.device)
    counted = hit & (rank <= relevant[:, None])
    precision = counted.cumsum(1) / rank
    return (precision * counted).sum(1) / relevant.masked_fill(relevant == 0, -1) + torch.where(
        relevant == 0, torch.nan, 0.0
    )
