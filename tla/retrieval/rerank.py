"""Rerank the candidates of an engine by exact distance, with ties broken by position."""

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
    """The k nearest vectors of each query, as far as the engine's candidates contain them.

    Args:
        engine: Proposes candidates among `vectors`.
        vectors: As `tla.nearest.normalised` returns them, float32, on the CPU, shape (m, d).
        queries: Likewise, shape (n, d).
        k: How many, 1 <= k <= m (m - 1 with `without`).
        name: The distance.
        without: One position per query to leave out, -1 for none, shape (n,).
    """
    most = len(vectors) - (without is not None)
    count = min(k + SPARE, most)
    asked = count + (without is not None)
    proposed = torch.from_numpy(engine.candidates(queries.numpy(), asked))
    if name == "abs_cosine" and bool(vectors.amin() < 0 or queries.amin() < 0):
        opposite = torch.from_numpy(engine.candidates((-queries).numpy(), asked))
        proposed = torch.cat([proposed, opposite], 1)
    if without is not None:
        proposed = proposed.masked_fill(proposed == without[:, None], -1)
    rows = max(1, REFINE // max(1, proposed.shape[1] * vectors.shape[1]))
    chunks = [
        refine(some, vectors, _shortlist(some, vectors, candidates, count, name), count, name)
        for some, candidates in zip(queries.split(rows), proposed.split(rows), strict=True)
    ]
    found = Nearest(*(torch.cat(tensors) for tensors in zip(*chunks, strict=True)))
    if engine.exact and count < most:
        found = _break_ties(found, vectors, queries, k, name, without)
    return Nearest(found.distance[:, :k], found.position[:, :k])


def _shortlist(queries: Tensor, vectors: Tensor, candidates: Tensor, count: int, name: DistanceName) -> Tensor:
    """The nearest of many candidates by one batched product, which is faster than exact distances to all of them."""
    if candidates.shape[1] <= 2 * (count + 1):
        return candidates
    candidates = candidates.sort(dim=1).values
    repeated = candidates[:, 1:] == candidates[:, :-1]
    candidates[:, 1:] = candidates[:, 1:].masked_fill(repeated, -1)
    found = vectors[candidates.clamp_min(0)]
    score = torch.bmm(found, queries[:, :, None])[:, :, 0]
    if name == "euclidean":
        score = found.square().sum(2) - 2 * score
    else:
        score = score.abs_().neg_() if name == "abs_cosine" else score.neg_()
    score.masked_fill_(candidates < 0, torch.inf)
    return candidates.gather(1, score.topk(count, dim=1, largest=False).indices)


def _break_ties(
    found: Nearest, vectors: Tensor, queries: Tensor, k: int, name: DistanceName, without: Tensor | None
) -> Nearest:
    """Search again, in torch, where the last candidate ties with the k-th: the engine may have left out other ties."""
    slack = 4 * torch.finfo(queries.dtype).eps
    last, kth = found.distance[:, -1], found.distance[:, k - 1]
    if name == "euclidean":
        last, kth = last.square(), kth.square()
        slack = slack * (queries.square().sum(1) + vectors.square().sum(1).max())
    tied = (last <= kth + slack).nonzero()[:, 0]
    if not len(tied):
        return found
    left_out = None if without is None else without[tied]
    again = nearest(queries[tied], vectors, k, name, without=left_out)
    return Nearest(
        found.distance[:, :k].index_copy(0, tied, again.distance),
        found.position[:, :k].index_copy(0, tied, again.position),
    )
