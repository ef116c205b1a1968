"""Distance to the nearest class in units of the spread within classes."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training
from tla.representation.detectors.gaussian import whiten
from tla.types import Outputs


@DETECTORS.register("mahalanobis")
@dataclass(frozen=True, kw_only=True)
class Mahalanobis(Detector):
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
