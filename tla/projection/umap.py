"""UMAP: neighbourhoods as a graph, laid out flat."""

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tla.extras import require
from tla.machine import place_compiled_code, threads
from tla.nearest import Search, nearest, normalised, refine
from tla.projection.base import PROJECTIONS, Fitted, Projection, check_points
from tla.projection.pca import PCA
from tla.seeding import generator

MIN_POINTS = 5


@PROJECTIONS.register("umap")
@dataclass(frozen=True, kw_only=True)
class UMAP(Projection):
    """Uniform manifold approximation and projection (McInnes et al. 2018).

    Args:
        neighbours: Size of the neighbourhoods, >= 2; the point itself counts.
        min_dist: How tightly points may lie, in [0, 1].
        distance: The distance between embeddings: "abs_cosine", "cosine" or "euclidean".
        graph: "exact" takes exact neighbours (or those of a given search); "descent" lets UMAP approximate them, which
            gives it its own `transform` of new points, whose result depends on their batch.
        start: Initial layout: "pca", or UMAP's own "spectral".
    """

    neighbours: int = 15
    min_dist: float = 0.1
    graph: Literal["exact", "descent"] = "exact"
    start: Literal["pca", "spectral"] = "pca"

    def __post_init__(self) -> None:
        if self.neighbours < 2:
            raise ValueError(f"neighbours must be >= 2, got {self.neighbours}")
        if not 0 <= self.min_dist <= 1:
            raise ValueError(f"min_dist must lie in [0, 1], got {self.min_dist}")
        if self.graph == "descent" and self.distance == "abs_cosine":
            raise ValueError("distance must be 'cosine' or 'euclidean' with graph 'descent', got 'abs_cosine'")

    @property
    def transforms(self) -> bool:
        """True for the graph "descent"."""
        return self.graph == "descent"

    def fit(self, embedding: Float[Tensor, "n d"], seed: int = 0, search: Search | None = None) -> Fitted:
        """See `Projection.fit`; one thread, since UMAP is reproducible only then."""
        check_points(embedding, MIN_POINTS)
        points = normalised(embedding.detach().float().cpu(), self.distance)
        settings: dict[str, Any] = {
            "n_neighbors": min(self.neighbours, len(points) - 1),
            "min_dist": self.min_dist,
            "init": self._start(points, seed),
            "metric": "euclidean",
            "random_state": seed % 2**32,
            "n_jobs": 1,
        }
        if self.graph == "exact":
            settings["precomputed_knn"] = self._graph(points, settings["n_neighbors"], search)
        umap = _umap()
        with threads(None), warnings.catch_warnings():  # UMAP's loops set the whole process's threads, torch's included
            # UMAP warns that it cannot place new points when neighbours are given
            warnings.filterwarnings("ignore", r"precomputed_knn\[2\]", UserWarning)
            # disconnected components are laid out separately; the map then shows just that
            warnings.filterwarnings("ignore", "Graph is not fully connected", UserWarning)
            fitted = umap.UMAP(**settings).fit(points.numpy())

        def transform(new: Float[Tensor, "m d"]) -> Float[Tensor, "m 2"]:
            vectors = normalised(new.detach().float().cpu(), self.distance)
            with threads(None):
                return torch.from_numpy(np.asarray(fitted.transform(vectors.numpy()), np.float32))

        coordinates = torch.from_numpy(np.array(fitted.embedding_, np.float32))
        return Fitted(coordinates, transform if self.transforms else None)

    def _graph(self, points: Tensor, k: int, search: Search | None) -> tuple[np.ndarray, np.ndarray]:
        place = nearest(points, points, k, self.distance).position if search is None else search(points, k).cpu()
        rows = max(1, 2**20 // (k * points.shape[1]))
        chunks = [
            refine(some, points, where, k, self.distance)
            for some, where in zip(points.split(rows), place.split(rows), strict=True)
        ]
        position = torch.cat([chunk.position for chunk in chunks])
        far = torch.cat([chunk.distance for chunk in chunks]).clamp_min(0)
        return position.numpy(), far.numpy()

    def _start(self, points: Tensor, seed: int) -> np.ndarray | str:
        """Principal components, 10 wide, plus noise that separates coinciding points and fills flat axes."""
        if self.start == "spectral":
            return "spectral"
        flat = PCA(distance="euclidean")(points)
        noise = torch.randn(flat.shape, generator=generator(seed, "umap", "start"))
        return (10 * flat / flat.abs().amax().clamp_min(1e-6) + 1e-4 * noise).numpy()


def _umap() -> ModuleType:
    with warnings.catch_warnings():
        # its optional neural variant looks for TensorFlow at import
        warnings.filterwarnings("ignore", "Tensorflow not installed", ImportWarning)
        spec = find_spec("umap")
        if spec is not None and spec.origin is not None:
            place_compiled_code(Path(spec.origin).parent)
        return require("umap", "the UMAP projection")
