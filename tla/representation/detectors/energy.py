"""The free energy of the logits."""

from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score
from tla.types import Outputs


@DETECTORS.register("energy")
@dataclass(frozen=True, kw_only=True)
class Energy(Detector):
    """-T log sum exp(logits / T) (Liu et al. 2020).

    Args:
        temperature: T, > 0.

    Raises:
        ValueError: for a temperature that is not positive.
    """

    reads_logits: ClassVar[bool] = True

    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise ValueError(f"temperature must be > 0, got {self.temperature}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """Learns nothing; see `Detector.fit`."""
        temperature = self.temperature

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            return -temperature * (outputs.logits.float() / temperature).logsumexp(1)

        return score
