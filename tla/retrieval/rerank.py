"""From the candidates that an engine proposes to the answer: exact distances, ties by position, nothing left out."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.nearest import SPARE, Nearest, nearest, refine
from tla.retrieval.engines import SearchEngine

REFINE = 2**20


def search_vectors(
    engine: SearchEngine,
    vectors: Float[Tensor, "m d"],
    queries: Float[Tensor, "n d"],
    k: int,
    name: DistanceName,
    without: Int[Tensor, " n"] | None = None,
) -> Nearest:
    """The k nearest vectors of each query, or as near to that as the engine's candidates come.

    Args:
        engine: Proposes candidates among `vectors`.
        vectors: As `tla.nearest.measured` gives them, float32, on the CPU, shape (m, d).
        queries: Likewise, shape (n, d).
        k: How many, 1 <= k <= m (m - 1 with `without`).
        name: The distance.
        without: For each query one position that is left out, -1 for none, shape (n,).
    """
    most = len(vectors) - (without is not None)
    wide = min(k + SPARE, most)
    count = wide + (without is not None)
    proposed = torch.from_numpy(engine.candidates(queries.numpy(), count))
    if name == "abs_cosine" and bool(vectors.amin() < 0 or queries.amin() < 0):
        opposite = torch.from_numpy(engine.candidates((-queries).numpy(), count))
        proposed = torch.cat([proposed, opposite], 1)
    if without is not None:
        proposed = proposed.masked_fill(proposed == without[:, None], -1)
    rows = max(1, REFINE // max(1, proposed.shape[1] * vectors.shape[1]))
    pieces = [
        refine(some, vectors, _shortlist(some, vectors, candidates, wide, name), wide, name)
        for some, candidates in zip(queries.split(rows), proposed.split(rows), strict=True)
    ]
    found = Nearest(*(torch.cat(parts) for parts in zip(*pieces, strict=True)))
    if engine.exact and wide < most:
        found = _settled(found, vectors, queries, k, name, without)
    return Nearest(found.distance[:, :k], found.position[:, :k])


def _shortlist(queries: Tensor, vectors: Tensor, candidates: Tensor, wide: int, name: DistanceName) -> Tensor:
    """The nearest of many candidates by one batched product, which is quicker than measuring each to the last bit."""
    if candidates.shape[1] <= 2 * (wide + 1):
        return candidates
    candidates = candidates.sort(dim=1).values
    again = candidates[:, 1:] == candidates[:, :-1]
    candidates[:, 1:] = candidates[:, 1:].masked_fill(again, -1)
    found = vectors[candidates.clamp_min(0)]
    score = torch.bmm(found, queries[:, :, None])[:, :, 0]
    if name == "euclidean":
        score = found.square().sum(2) - 2 * score
    else:
        score = score.abs_().neg_() if name == "abs_cosine" else score.neg_()
    score.masked_fill_(candidates < 0, torch.inf)
    return candidates.gather(1, score.topk(wide, dim=1, largest=False).indices)


def _settled(
    found: Nearest, vectors: Tensor, queries: Tensor, k: int, name: DistanceName, without: Tensor | None
) -> Nearest:
    """Search again, in torch, where the last candidate is as near as the k-th: others as near may have been missed."""
    slack = 4 * torch.finfo(queries.dtype).eps
    last, kth = found.distance[:, -1], found.distance[:, k - 1]
    if name == "euclidean":
        last, kth = last.square(), kth.square()
        slack = slack * (queries.square().sum(1) + vectors.square().sum(1).max())
    open_rows = (last <= kth + slack).nonzero()[:, 0]
    if not len(open_rows):
        return found
    left_out = None if without is None else without[open_rows]
    again = nearest(queries[open_rows], vectors, k, name, without=left_out)
    return Nearest(
        found.distance[:, :k].index_copy(0, open_rows, again.distance),
        found.position[:, :k].index_copy(0, open_rows, again.position),
    )
