"""A virtual logit for what training embeddings do not contain."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training, last_layer
from tla.types import Outputs


@DETECTORS.register("vim")
@dataclass(frozen=True, kw_only=True)
class ViM(Detector):
    """alpha ||r|| - log sum exp(logits), r the part of h outside the principal space (ViM; Wang et al., CVPR 2022).

    alpha makes the virtual logit as large as the largest real one, on average over the training images. The last layer,
    from which the origin comes, is recovered from the training embeddings and their logits.

    Args:
        dimensions: Of the principal space, >= 1; by default half of the rank of the training embeddings.

    Raises:
        ValueError: for less than one dimension.
    """

    dimensions: int | None = None

    def __post_init__(self) -> None:
        if self.dimensions is not None and self.dimensions < 1:
            raise ValueError(f"dimensions must be >= 1 (or left out, for half of the rank), got {self.dimensions}")

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
        origin = -(torch.linalg.pinv(layer.weight.double()) @ layer.bias.double())
        centred = embedding.double() - origin
        values, vectors = torch.linalg.eigh(centred.mT @ centred / len(centred))
        rank = int((values > 1e-10 * values[-1]).sum())
        kept = max(1, rank // 2) if self.dimensions is None else self.dimensions
        if kept >= rank:
            raise ValueError(f"dimensions must be < {rank}, the rank of the training embeddings, got {kept}")
        outside = vectors[:, : len(values) - kept]
        norms = (centred @ outside).norm(dim=1)
        alpha = float(logits.double().amax(1).sum() / norms.sum())
        projection, start = outside.float(), origin.float()

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            rest = (outputs.embedding.float() - start) @ projection
            return alpha * rest.norm(dim=1) - outputs.logits.float().logsumexp(1)

        return score
