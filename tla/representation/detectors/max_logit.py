"""The largest logit."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score
from tla.types import Outputs


@DETECTORS.register("max_logit")
@dataclass(frozen=True, kw_only=True)
class MaxLogit(Detector):
    """Minus the largest logit (Hendrycks et al. 2022)."""

    reads_logits: ClassVar[bool] = True

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """Learns nothing; see `Detector.fit`."""
        return _score


def _score(outputs: Outputs) -> Float[Tensor, " b"]:
    return -outputs.logits.float().amax(1)
