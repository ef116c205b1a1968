"""One Gaussian per class with its own diagonal covariance."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, LeavesOneOut, LeftOutScore, Score, check_training, class_means
from tla.types import Outputs


@DETECTORS.register("gaussian_diagonal")
@dataclass(frozen=True, kw_only=True)
class GaussianDiagonal(LeavesOneOut):
    """-log p(h | predicted class), Gaussian classes, each with its own variance per feature.

    Args:
        floor: Share of the mean variance that is added to every feature's, > 0: otherwise a feature that is
            constant in a class would make any other value of it infinitely surprising.
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
        check_training(embedding, logits, y, least=2)
        means = class_means(embedding, y, logits.shape[1])
        squared = class_means(embedding, y, logits.shape[1], around=means)
        if not squared.mean() > 0:
            raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
        variance = (squared + self.floor * squared.mean()).float()
        centre = means.float()
        log_volume = (variance.log() + math.log(2 * math.pi)).sum(1) / 2

        def score(outputs: Outputs) -> Float[Tensor, " b"]:
            predicted = outputs.logits.argmax(1)
            off = outputs.embedding.float() - centre[predicted]
            return (off.square() / variance[predicted]).sum(1) / 2 + log_volume[predicted]

        return score

    def fit_without(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> LeftOutScore:
        """See `LeavesOneOut.fit_without`.

        Of a class of k embeddings with mean m and variance s, leaving out x leaves the mean m - (x - m) / (k - 1) and
        the variance (k s - k / (k - 1) (x - m)^2) / (k - 1).
        """
        check_training(embedding, logits, y, least=3)
        means = class_means(embedding, y, logits.shape[1])
        squared = class_means(embedding, y, logits.shape[1], around=means)
        if not squared.mean() > 0:
            raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
        sizes = torch.bincount(y, minlength=logits.shape[1]).double()

        def score(outputs: Outputs, without: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
            there, place = (without >= 0)[:, None], without.clamp_min(0)
            left, size = y[place], sizes[y[place]][:, None]
            away = embedding[place].double() - means[left]
            smaller = (size * squared[left] - size / (size - 1) * away.square()) / (size - 1)
            lost = torch.where(there, squared[left] - smaller, 0).mean(1) / len(sizes)
            predicted = outputs.logits.argmax(1)
            changed = there & (predicted == left)[:, None]
            centre = torch.where(changed, means[left] - away / (size - 1), means[predicted])
            variance = torch.where(changed, smaller, squared[predicted])
            variance = variance + self.floor * (squared.mean() - lost)[:, None]
            off = outputs.embedding.double() - centre
            return ((off.square() / variance + variance.log() + math.log(2 * math.pi)).sum(1) / 2).float()

        return score
