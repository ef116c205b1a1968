"""FAISS searches that propose candidates; `tla.nearest.refine` then computes exact distances and their order."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from tla.extras import require

WHY = "nearest-neighbour retrieval"
GPU_LIMIT = 2048
MIN_VECTORS = 1_000


def metric(euclidean: bool) -> int:
    """FAISS's number of the metric: L2, or the inner product of unit vectors for the cosines."""
    faiss = require("faiss", WHY)
    return faiss.METRIC_L2 if euclidean else faiss.METRIC_INNER_PRODUCT


def gpus() -> int:
    """How many GPUs FAISS can use; none if it is missing or was built without GPU support."""
    if find_spec("faiss") is None:
        return 0
    return getattr(require("faiss", WHY), "get_num_gpus", int)()


class SearchEngine(ABC):
    """Proposes nearest neighbours.

    Attributes:
        exact: True if the true nearest neighbours are among the candidates.
    """

    exact: bool

    @abstractmethod
    def candidates(self, queries: np.ndarray, count: int) -> np.ndarray:
        """Positions of about the `count` nearest vectors, nearest first, int64 (n, count); -1 if there are fewer."""

    @abstractmethod
    def save(self, path: Path) -> None:
        """Write the index in FAISS's format."""


@dataclass(frozen=True, eq=False)
class Flat(SearchEngine):
    """Exact search by FAISS over vectors that are not copied; on GPUs, if there are any, over a copy there.

    Args:
        vectors: Float32, contiguous, shape (m, d).
        euclidean: L2 instead of inner product.
        on_gpu: The copy on the GPUs.
    """

    vectors: np.ndarray
    euclidean: bool
    on_gpu: Any = None
    exact = True

    @classmethod
    def build(cls, vectors: np.ndarray, euclidean: bool, gpu: bool) -> "Flat":
        """Use the GPUs if `gpu` is set and FAISS sees any."""
        flat = cls(vectors, euclidean)
        if not (gpu and gpus()):
            return flat
        return cls(vectors, euclidean, require("faiss", WHY).index_cpu_to_all_gpus(flat._index()))

    def candidates(self, queries: np.ndarray, count: int) -> np.ndarray:
        """See `SearchEngine.candidates`."""
        if self.on_gpu is not None and count <= GPU_LIMIT:
            return self.on_gpu.search(queries, count)[1]
        return require("faiss", WHY).knn(queries, self.vectors, count, metric=metric(self.euclidean))[1]

    def save(self, path: Path) -> None:
        """See `SearchEngine.save`."""
        require("faiss", WHY).write_index(self._index(), str(path))

    def _index(self) -> Any:
        index = require("faiss", WHY).IndexFlat(self.vectors.shape[1], metric(self.euclidean))
        index.add(self.vectors)
        return index


@dataclass(frozen=True, eq=False)
class IvfPq(SearchEngine):
    """Approximate search: cells of an inverted file, product-quantised codes, then exact distances of the best.

    Args:
        index: FAISS's trained and filled index.
        probes: Cells to search.
        pool: Candidates per neighbour whose exact distance is computed.
    """

    index: Any
    probes: int = 16
    pool: int = 10
    exact = False

    @classmethod
    def build(cls, vectors: np.ndarray, euclidean: bool, seed: int, probes: int, pool: int) -> "IvfPq":
        """Train on at most 64 vectors per cell, drawn with a seed, and add all vectors in chunks.

        Raises:
            ValueError: for fewer than 1,000 vectors, probes < 1 or pool < 1.
        """
        faiss = require("faiss", WHY)
        n = len(vectors)
        if n < MIN_VECTORS:
            raise ValueError(f"an approximate index needs at least {MIN_VECTORS} vectors, got {n}; use 'exact'")
        if probes < 1 or pool < 1:
            raise ValueError(f"probes and pool must be >= 1, got {probes} and {pool}")
        width = vectors.shape[1] + vectors.shape[1] % 2
        cells = min(2 ** round(math.log2(2 * math.sqrt(len(vectors)))), len(vectors) // 39)
        index = faiss.index_factory(width, f"IVF{cells},PQ{width // 2}x4fs", metric(euclidean))
        index.cp.seed = index.pq.cp.seed = seed % 2**31
        rows = np.random.default_rng(seed).permutation(len(vectors))[: max(64 * cells, 10_000)]
        index.train(_even(vectors[np.sort(rows)]))
        for start in range(0, len(vectors), 2**16):
            index.add(_even(vectors[start : start + 2**16]))
        return cls(index, probes, pool)

    def candidates(self, queries: np.ndarray, count: int) -> np.ndarray:
        """See `SearchEngine.candidates`."""
        faiss = require("faiss", WHY)
        settings = faiss.SearchParametersIVF(nprobe=min(self.probes, self.index.nlist))
        return self.index.search(_even(queries), min(count * self.pool, self.index.ntotal), params=settings)[1]

    def save(self, path: Path) -> None:
        """See `SearchEngine.save`."""
        require("faiss", WHY).write_index(self.index, str(path))


def _even(vectors: np.ndarray) -> np.ndarray:
    """Pad to an even number of features: codes are of pairs, and a zero changes no distance."""
    return np.pad(vectors, ((0, 0), (0, 1))) if vectors.shape[1] % 2 else vectors
