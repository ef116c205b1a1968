"""One Gaussian per class, with one covariance for all classes."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, Detector, Score, check_training, class_means
from tla.types import Outputs


@dataclass(frozen=True, eq=False)
class Whitened:
    """Class means and a shared covariance, as the linear map that turns the covariance into the identity.

    Args:
        whitening: Inverse Cholesky factor of the covariance, shape (d, d).
        means: Whitened class means, shape (c, d).
        log_volume: Half the log-determinant of 2 pi covariance.
    """

    whitening: Float[Tensor, "d d"]
    means: Float[Tensor, "c d"]
    log_volume: float

    def squared(self, embedding: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Squared Mahalanobis distance of each embedding to each class mean."""
        white = embedding.float() @ self.whitening.mT
        return (white[:, None] - self.means).square().sum(2)


def whiten(embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int, floor: float) -> Whitened:
    """Fit class means and the covariance around them.

    Args:
        embedding: Natural training embeddings, shape (n, d).
        y: Their classes, shape (n,).
        classes: How many classes there are.
        floor: Share of the mean variance that is added to every direction: otherwise a feature that is constant in
            training would make any other value of it infinitely surprising.

    Raises:
        ValueError: if the embeddings of each class are all the same.
    """
    means = class_means(embedding, y, classes)
    centred = embedding.double() - means[y]
    covariance = centred.mT @ centred / len(embedding)
    spread = covariance.diagonal().mean()
    if not spread > 0:
        raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
    covariance.diagonal().add_(floor * spread)
    lower = torch.linalg.cholesky(covariance)
    whitening = torch.linalg.solve_triangular(lower, torch.eye(len(lower)).to(lower), upper=False)
    volume = float(lower.diagonal().log().sum()) + len(lower) / 2 * math.log(2 * math.pi)
    return Whitened(whitening.float(), (means @ whitening.mT).float(), volume)


@DETECTORS.register("gaussian")
@dataclass(frozen=True, kw_only=True)
class Gaussian(Detector):
    """-log p(h | predicted class), Gaussian classes with one shared full covariance.

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
        check_training(embedding, logits, y)
        fitted = whiten(embedding, y, logits.shape[1], self.floor)

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            predicted = outputs.logits.argmax(1, keepdim=True)
            return fitted.squared(outputs.embedding).gather(1, predicted)[:, 0] / 2 + fitted.log_volume

        return score
