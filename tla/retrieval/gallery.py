"""The gallery: natural embeddings, searched for the neighbours of a query."""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DISTANCES, DistanceName
from tla.nearest import find_ids, nearest, normalised
from tla.retrieval.engines import Flat, IvfPq, SearchEngine, gpus
from tla.retrieval.rerank import search_vectors
from tla.tensors import as_floats, as_labels, check_finite

Kind = Literal["auto", "exact", "approximate"]
EXACT_BELOW = 100_000


class Neighbours(NamedTuple):
    """Neighbours of each query, nearest first; at equal distance the smaller position first.

    Attributes:
        distance: Shape (n, k).
        position: Rows of the gallery, shape (n, k); -1 (at distance inf) if an approximate search found fewer.
        id: The neighbours' ids, shape (n, k); -1 likewise.
        y: Their classes, shape (n, k); -1 likewise.
    """

    distance: Float[Tensor, "n k"]
    position: Int[Tensor, "n k"]
    id: Int[Tensor, "n k"]
    y: Int[Tensor, "n k"]


@dataclass(frozen=True, eq=False)
class GalleryIndex:
    """Searchable embeddings; made by `build` or read by `tla.retrieval.load`.

    For the cosine distances vectors are normalised and FAISS searches by inner product. For "abs_cosine",
    D = 1 - |cos|: where gallery and queries have no negative feature (behind a ReLU) |cos| = cos and one
    search is enough; otherwise the nearest to q and the nearest to -q are searched and merged.

    Args:
        vectors: What is compared: unit vectors for the cosines, embeddings otherwise; float32 on the CPU, shape (m, d).
        y: Classes, shape (m,).
        ids: Positions of the images in their split, shape (m,).
        distance: The distance.
        engine: Proposes candidates; None if FAISS is missing: the search is then exact, in torch.
    """

    vectors: Float[Tensor, "m d"]
    y: Int[Tensor, " m"]
    ids: Int[Tensor, " m"]
    distance: DistanceName
    engine: SearchEngine | None

    @classmethod
    def build(
        cls,
        embedding: Float[Tensor, "m d"],
        y: Int[Tensor, " l"],
        ids: Int[Tensor, " i"] | None = None,
        *,
        distance: DistanceName = "abs_cosine",
        kind: Kind = "auto",
        gpu: bool = True,
        seed: int = 0,
        probes: int = 16,
        pool: int = 10,
    ) -> "GalleryIndex":
        """Index natural embeddings.

        Args:
            embedding: Shape (m, d), m >= 1; copied (cosines) or shared (euclidean, float32 on the CPU).
            y: Classes, shape (m,).
            ids: Positions in their split, shape (m,), all different; 0..m-1 by default.
            distance: "abs_cosine", "cosine" or "euclidean".
            kind: "exact", "approximate" (IVF-PQ), or "auto": exact below 100,000 vectors, or on a GPU.
            gpu: Search exactly on the GPUs, if FAISS sees any.
            seed: Seed of the approximate index's training.
            probes: Cells that approximate search visits; more is slower and finds more.
            pool: Candidates per neighbour whose exact distance approximate search computes.

        Raises:
            ValueError: for embeddings that are not finite, labels or ids that do not match, an unknown distance.
            ModuleNotFoundError: for an approximate index without FAISS; says how to get it.
        """
        embedding, y = as_floats("embedding", embedding), as_labels("y", y)
        ids = None if ids is None else as_labels("ids", ids)
        _check(embedding, y, ids, distance)
        ids = torch.arange(len(embedding)) if ids is None else ids.cpu().long()
        vectors = normalised(embedding.detach().float().cpu(), distance).contiguous()
        euclidean = distance == "euclidean"
        engine: SearchEngine | None = None
        if kind == "approximate" or (kind == "auto" and len(vectors) >= EXACT_BELOW and not (gpu and gpus())):
            engine = IvfPq.build(vectors.numpy(), euclidean, seed, probes, pool)
        elif find_spec("faiss") is not None:
            engine = Flat.build(vectors.numpy(), euclidean, gpu)
        return cls(vectors, y.cpu().long(), ids, distance, engine)

    def __len__(self) -> int:
        return len(self.vectors)

    @property
    def exact(self) -> bool:
        """True if the search finds the true nearest neighbours."""
        return self.engine is None or self.engine.exact

    def search(
        self, queries: Float[Tensor, "n e"], k: int = 10, *, without: Int[Tensor, " n"] | None = None
    ) -> Neighbours:
        """The k nearest of the gallery.

        Args:
            queries: Embeddings, shape (n, d), on any device.
            k: How many, 1 <= k <= m (m - 1 with `without`).
            without: One id per query to leave out, if the gallery has it (the query itself), shape (n,).

        Returns:
            On the device of the queries.

        Raises:
            ValueError: for queries that are not finite or of another length, or a k out of range.
        """
        most = len(self) - (without is not None)
        if not 1 <= k <= most:
            raise ValueError(f"k must lie between 1 and {most} (the gallery has {len(self)} vectors), got {k}")
        if queries.shape[1] != self.vectors.shape[1]:
            raise ValueError(f"queries must have the gallery's length {self.vectors.shape[1]}, got {queries.shape[1]}")
        if not bool(queries.isfinite().all()):
            raise ValueError("queries must be finite, got NaN or infinity")
        vectors = normalised(queries.detach().float().cpu(), self.distance).contiguous()
        left_out = None if without is None else self.positions_of(without.cpu())
        if self.engine is None or not len(vectors):
            found = nearest(vectors, self.vectors, k, self.distance, without=left_out)
        else:
            found = search_vectors(self.engine, self.vectors, vectors, k, self.distance, left_out)
        place, missing = found.position.clamp_min(0), found.position < 0
        near = Neighbours(
            found.distance,
            found.position,
            self.ids[place].masked_fill(missing, -1),
            self.y[place].masked_fill(missing, -1),
        )
        return Neighbours(*(tensor.to(queries.device) for tensor in near))

    def positions(self, queries: Float[Tensor, "n d"], k: int) -> Int[Tensor, "n k"]:
        """Only the positions of the k nearest; this method is a `tla.nearest.Search`."""
        return self.search(queries, k).position

    def positions_of(self, ids: Tensor) -> Tensor:
        """Position of each id in the gallery; -1 for an unknown id."""
        return find_ids(ids, self.ids)


def _check(embedding: Tensor, y: Tensor, ids: Tensor | None, distance: str) -> None:
    if distance not in DISTANCES:
        raise ValueError(f"distance must be one of {', '.join(DISTANCES)}, got {distance!r}")
    if not len(embedding):
        raise ValueError("embedding must hold at least one vector, got none")
    check_finite("embedding", embedding)
    for name, values in (("y", y), ("ids", ids)):
        if values is not None and len(values) != len(embedding):
            raise ValueError(f"{name} must have one entry per embedding ({len(embedding)}), got {len(values)}")
    if ids is not None and len(ids.unique()) < len(ids):
        raise ValueError(f"ids must be unique, got {len(ids) - len(ids.unique())} repeated")
