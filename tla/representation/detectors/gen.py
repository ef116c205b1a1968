"""The generalised entropy of the softmax."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score
from tla.types import Outputs


@DETECTORS.register("gen")
@dataclass(frozen=True, kw_only=True)
class GEN(Detector):
    """Sum over the likeliest classes of (p (1 - p))^gamma (GEN; Liu, Lochman & Zach, CVPR 2023, equation 4).

    Args:
        gamma: Exponent, in (0, 1]; small values look at the whole distribution.
        most: How many of the likeliest classes count, >= 1.

    Raises:
        ValueError: for a value out of range.
    """

    gamma: float = 0.1
    most: int = 100

    def __post_init__(self) -> None:
        if not 0 < self.gamma <= 1:
            raise ValueError(f"gamma must be in (0, 1], got {self.gamma}")
        if self.most < 1:
            raise ValueError(f"most must be >= 1, got {self.most}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """Learns nothing; see `Detector.fit`."""

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            likely, own = outputs.logits.float().log_softmax(1).sort(dim=1, descending=True)
            log_p = likely[:, : self.most]
            # 1 - p as the sum of the other probabilities: for p near 1 the difference has no digits left.
            p = outputs.logits.double().softmax(1).gather(1, own)
            others = (p.sum(1, keepdim=True) - p)[:, : self.most].clamp_min(1e-30)
            return (self.gamma * (log_p.double() + others.log())).exp().sum(1).float()

        return score
