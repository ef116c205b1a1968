"""Local intrinsic dimensionality: how fast neighbours thin out around an embedding."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, LeavesOneOut, LeftOutScore, Score, check_training
from tla.representation.detectors.knn import neighbour_distances
from tla.types import Outputs


@DETECTORS.register("lid")
@dataclass(frozen=True, kw_only=True)
class LID(LeavesOneOut):
    """Maximum-likelihood LID from the Euclidean distances to the k nearest training embeddings (Ma et al. 2018).

    Adversarial images tend to lie in regions of higher local dimension. Neighbours come from all training embeddings
    rather than from a minibatch.

    Args:
        k: How many neighbours, >= 2.

    Raises:
        ValueError: for a k below 2.
    """

    k: int = 20

    def __post_init__(self) -> None:
        if self.k < 2:
            raise ValueError(f"k must be >= 2, got {self.k}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`; searches exactly, since a search by another distance would bias the estimate."""
        check_training(embedding, logits, y, least=0)
        if self.k > len(embedding):
            raise ValueError(f"k must be <= {len(embedding)} (the training embeddings), got {self.k}")

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            far = neighbour_distances(outputs.embedding.float(), embedding, self.k, "euclidean", None)
            return lid(far)

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
            return lid(neighbour_distances(outputs.embedding.float(), embedding, self.k, "euclidean", None, without))

        return score


def lid(distances: Float[Tensor, "b k"]) -> Float[Tensor, " b"]:
    """-1 / mean log(r_i / r_k) over the k distances r_1 <= ... <= r_k; at most 1e6, if all distances are equal."""
    ratio = (distances.clamp_min(1e-12) / distances[:, -1:].clamp_min(1e-12)).log()
    return 1 / (-ratio.mean(1)).clamp_min(1e-6)
