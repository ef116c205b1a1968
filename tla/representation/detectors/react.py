"""The energy of the logits after the largest features are clipped."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training, last_layer
from tla.types import Outputs


@DETECTORS.register("react")
@dataclass(frozen=True, kw_only=True)
class ReAct(Detector):
    """-log sum exp of the logits of min(h, c), c a quantile of all training features (ReAct; Sun et al., NeurIPS 2021).

    The last layer is recovered from the training embeddings and their logits.

    Args:
        quantile: Share of the training features below c, in (0, 1).

    Raises:
        ValueError: for a quantile out of range.
    """

    quantile: float = 0.9

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1:
            raise ValueError(f"quantile must be in (0, 1), got {self.quantile}")

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`; refuses an embedding that is not the input of the last layer."""
        check_training(embedding, logits, y, least=0)
        layer = last_layer(embedding, logits)
        features = embedding.double().flatten().sort().values
        ceiling = float(torch.lerp(*_around(features, self.quantile)))

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            clipped = outputs.embedding.float().clamp_max(ceiling)
            return -(clipped @ layer.weight.mT + layer.bias).logsumexp(1)

        return score


def _around(ordered: Tensor, quantile: float) -> tuple[Tensor, Tensor, Tensor]:
    """The values around a quantile and how far it lies between them; torch.quantile takes 16 million values at most."""
    place = quantile * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low], ordered[high], torch.tensor(place - low, dtype=ordered.dtype, device=ordered.device)
