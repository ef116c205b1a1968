"""The largest softmax probability: the baseline that every detector must beat."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score
from tla.types import Outputs


@DETECTORS.register("max_softmax")
@dataclass(frozen=True, kw_only=True)
class MaxSoftmax(Detector):
    """log((1 - p) / p) of the largest softmax probability p (Hendrycks & Gimpel 2017).

    Same order as -p, but confident images do not tie where p rounds to 1.
    """

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
    logits = outputs.logits.float()
    top = logits.max(1, keepdim=True)
    rest = logits.scatter(1, top.indices, -torch.inf)
    return rest.logsumexp(1) - top.values[:, 0]
