"""Distance to the k-th nearest natural training embedding."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.nearest import Search, nearest
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training
from tla.types import Outputs


@DETECTORS.register("knn")
@dataclass(frozen=True, kw_only=True)
class KNN(Detector):
    """Distance to the k-th nearest natural training embedding (Sun et al. 2022).

    Args:
        k: Which neighbour, >= 1.
        distance: "abs_cosine", "cosine" or "euclidean".

    Raises:
        ValueError: for a k below 1.
    """

    k: int = 10
    distance: DistanceName = "abs_cosine"

    def __post_init__(self) -> None:
        if self.k < 1:
            raise ValueError(f"k must be >= 1, got {self.k}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`; a search must use the same distance."""
        check_training(embedding, logits, y, least=0)
        if self.k > len(embedding):
            raise ValueError(f"k must be <= {len(embedding)} (the training embeddings), got {self.k}")

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            far = neighbour_distances(outputs.embedding.float(), embedding, self.k, self.distance, search)
            return far[:, -1]

        return score


def neighbour_distances(
    queries: Float[Tensor, "b d"], gallery: Float[Tensor, "m d"], k: int, name: DistanceName, search: Search | None
) -> Float[Tensor, "b k"]:
    """Distances to the k nearest, nearest first; differentiable, with the neighbours held fixed."""
    with torch.no_grad():
        place = nearest(queries, gallery, k, name).position if search is None else search(queries.detach(), k)
    return distance(queries[:, None].expand(-1, k, -1), gallery[place], name).sort(dim=1).values
