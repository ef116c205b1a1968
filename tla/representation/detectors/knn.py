"""Distance to the k-th nearest natural training embedding."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.distances import DistanceName, distance
from tla.nearest import Search, leaving_out, nearest
from tla.representation.detectors.base import DETECTORS, LeavesOneOut, LeftOutScore, Score, check_training
from tla.types import Outputs


@DETECTORS.register("knn")
@dataclass(frozen=True, kw_only=True)
class KNN(LeavesOneOut):
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

    def fit_without(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> LeftOutScore:
        """See `LeavesOneOut.fit_without`: an image is not its own neighbour."""
        check_training(embedding, logits, y, least=0)
        if self.k > len(embedding) - 1:
            raise ValueError(f"k must be <= {len(embedding) - 1} (the other embeddings), got {self.k}")

        def score(outputs: Outputs, without: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
            found = outputs.embedding.float()
            return neighbour_distances(found, embedding, self.k, self.distance, search, without)[:, -1]

        return score


def neighbour_distances(
    queries: Float[Tensor, "b d"],
    gallery: Float[Tensor, "m d"],
    k: int,
    name: DistanceName,
    search: Search | None,
    without: Int[Tensor, " b"] | None = None,
) -> Float[Tensor, "b k"]:
    """Distances to the k nearest, nearest first; differentiable, with the neighbours held fixed."""
    with torch.no_grad():
        if search is None:
            place = nearest(queries, gallery, k, name, without=without).position
        else:
            place = (search if without is None else leaving_out(search, without))(queries.detach(), k)
    return distance(queries[:, None].expand(-1, k, -1), gallery[place], name).sort(dim=1).values
