"""How well an embedding agrees with the pattern of its predicted class."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training, class_means
from tla.types import Outputs


@DETECTORS.register("she")
@dataclass(frozen=True, kw_only=True)
class SHE(Detector):
    """Minus <h, S>, S the mean embedding of the predicted class (Simplified Hopfield Energy; Zhang et al., ICLR 2023).

    The mean is over the training images that the network gets right; over all of a class of which it gets none right.
    """

    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """See `Detector.fit`."""
        check_training(embedding, logits, y)
        classes, right = logits.shape[1], logits.argmax(1) == y
        found = torch.bincount(y[right], minlength=classes) > 0
        used = right | ~found[y]
        patterns = class_means(embedding[used], y[used], classes).float()

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            return -(outputs.embedding.float() * patterns[outputs.logits.argmax(1)]).sum(1)

        return score
