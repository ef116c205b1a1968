"""Distance to the nearest class in units of the spread within classes."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, LeavesOneOut, LeftOutScore, Score, check_training
from tla.representation.detectors.gaussian import LeftOutGaussian, whiten
from tla.types import Outputs


@DETECTORS.register("mahalanobis")
@dataclass(frozen=True, kw_only=True)
class Mahalanobis(LeavesOneOut):
    """Squared Mahalanobis distance to the NEAREST class, one covariance for all (Lee et al. 2018).

    Unlike `gaussian` it ignores the predicted class.

    Args:
        floor: Share of the mean variance that is added to every direction, > 0.
    """

    floor: float = 1e-3

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`."""
        check_training(embedding, logits, y, least=1)
        fitted = whiten(embedding, y, logits.shape[1], self.floor)

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            return fitted.squared(outputs.embedding).amin(1)

        return score

    def fit_without(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> LeftOutScore:
        """See `LeavesOneOut.fit_without`."""
        check_training(embedding, logits, y, least=2)
        fitted = LeftOutGaussian.fit(embedding, y, logits.shape[1], self.floor)

        def score(outputs: Outputs, without: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
            return fitted(outputs.embedding, without).squared.amin(1).float()

        return score
