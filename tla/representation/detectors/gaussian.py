"""One Gaussian per class, with one covariance for all classes."""

import math
from dataclasses import dataclass
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.representation.detectors.base import DETECTORS, LeavesOneOut, LeftOutScore, Score, check_training, class_means
from tla.tensors import BLOCK
from tla.types import Outputs


@dataclass(frozen=True, eq=False)
class LowRank:
    """The symmetric whitening of scale I + V diag(s) V', without a matrix of d x d: for fewer embeddings than features.

    Args:
        scale: Variance of the directions that the embeddings do not span, > 0.
        directions: V, orthonormal, shape (d, r).
        shrink: 1 - sqrt(scale / (scale + s)), shape (r,).
    """

    scale: float
    directions: Float[Tensor, "d r"]
    shrink: Float[Tensor, " r"]

    def __call__(self, embedding: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        """Whitened embeddings."""
        spanned = (embedding @ self.directions * self.shrink) @ self.directions.mT
        return (embedding - spanned) / self.scale**0.5


@dataclass(frozen=True, eq=False)
class Whitened:
    """Class means and a shared covariance, as the linear map that turns the covariance into the identity.

    Args:
        whitening: Inverse Cholesky factor of the covariance, shape (d, d); or a low-rank map where d > n.
        means: Whitened class means, shape (c, d).
        log_volume: Half the log-determinant of 2 pi covariance.
    """

    whitening: Float[Tensor, "d d"] | LowRank
    means: Float[Tensor, "c d"]
    log_volume: float

    def squared(self, embedding: Float[Tensor, "b d"]) -> Float[Tensor, "b c"]:
        """Squared Mahalanobis distance of each embedding to each class mean."""
        if isinstance(self.whitening, LowRank):
            white = self.whitening(embedding.float())
            return torch.stack([(white - mean).square().sum(1) for mean in self.means], 1)
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
    if embedding.shape[1] > len(embedding):
        return _whiten_wide(embedding.double() - means[y], means, floor)
    covariance = _covariance(embedding, y, means)
    spread = covariance.diagonal().mean()
    if not spread > 0:
        raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
    covariance.diagonal().add_(floor * spread)
    lower = torch.linalg.cholesky(covariance)
    whitening = torch.linalg.solve_triangular(lower, torch.eye(len(lower)).to(lower), upper=False)
    volume = float(lower.diagonal().log().sum()) + len(lower) / 2 * math.log(2 * math.pi)
    return Whitened(whitening.float(), (means @ whitening.mT).float(), volume)


def _covariance(embedding: Tensor, y: Tensor, means: Tensor) -> Tensor:
    """Covariance of all classes around their own means, float64, shape (d, d)."""
    total = torch.zeros(2 * embedding.shape[1:], dtype=torch.float64, device=embedding.device)
    for some, own in zip(embedding.split(BLOCK), y.split(BLOCK), strict=True):
        centred = some.double() - means[own]
        total += centred.mT @ centred
    return total / len(embedding)


def _whiten_wide(centred: Tensor, means: Tensor, floor: float) -> Whitened:
    """`whiten` by the thin singular value decomposition of n rows."""
    variances, width = centred.square().mean(0), centred.shape[1]
    spread = float(variances.mean())
    if not spread > 0:
        raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
    _, singular, rows = torch.linalg.svd(centred / len(centred) ** 0.5, full_matrices=False)
    scale, sizes = floor * spread, singular.square()
    whitening = LowRank(scale, rows.mT, 1 - (scale / (scale + sizes)).sqrt())
    logs = float((scale + sizes).log().sum()) + (width - len(sizes)) * math.log(scale)
    volume = (logs + width * math.log(2 * math.pi)) / 2
    low = LowRank(scale, rows.mT.float(), whitening.shrink.float())
    return Whitened(low, whitening(means).float(), volume)


class LeftOutDistances(NamedTuple):
    """What `LeftOutGaussian` finds for each embedding.

    Attributes:
        squared: Squared Mahalanobis distance to each class mean, shape (b, c).
        log_volume: Half the log-determinant of 2 pi covariance, shape (b,).
    """

    squared: Float[Tensor, "b c"]
    log_volume: Float[Tensor, " b"]


@dataclass(frozen=True, eq=False)
class LeftOutGaussian:
    """`Whitened`, each time without one training embedding, in float64.

    Leaving out x of a class of k embeddings with mean m moves that mean by -(x - m) / (k - 1), and takes
    k / (k - 1) (x - m)(x - m)^T from the scatter of all n: a rank-one change of the covariance, whose inverse follows
    from that of the whole (Sherman & Morrison 1950). The floor changes with it, so that is done in the eigenbasis.

    Args:
        embedding: The training embeddings in the eigenbasis of their covariance, shape (n, d).
        y: Their classes, shape (n,).
        means: Class means in that basis, shape (c, d).
        values: The eigenvalues, shape (d,).
        basis: The eigenvectors, as columns, shape (d, d).
        floor: Share of the mean variance that is added to every direction.
    """

    embedding: Float[Tensor, "n d"]
    y: Int[Tensor, " n"]
    means: Float[Tensor, "c d"]
    values: Float[Tensor, " d"]
    basis: Float[Tensor, "d d"]
    floor: float

    @classmethod
    def fit(
        cls, embedding: Float[Tensor, "n d"], y: Int[Tensor, " n"], classes: int, floor: float
    ) -> "LeftOutGaussian":
        """See `whiten`."""
        means = class_means(embedding, y, classes)
        values, basis = torch.linalg.eigh(_covariance(embedding, y, means))
        if not values.sum() > 0:
            raise ValueError("embedding must vary within its classes, got the same vector for all of a class")
        return cls(embedding.double() @ basis, y, means @ basis, values.clamp_min(0), basis, floor)

    def __call__(self, embedding: Float[Tensor, "b d"], without: Int[Tensor, " b"]) -> LeftOutDistances:
        """Distances under the fit to all training embeddings but one.

        Args:
            embedding: Shape (b, d).
            without: Position of the training embedding to leave out, -1 for none, shape (b,).
        """
        there, place = (without >= 0).double()[:, None], without.clamp_min(0)
        left, n, d = self.y[place], len(self.y), len(self.values)
        size = torch.bincount(self.y)[left].double()[:, None]
        away = (self.embedding[place] - self.means[left]) * there
        share = size / (size - 1) / n
        rest = (n - there) / n
        spread = (self.values.sum() - share[:, 0] * away.square().sum(1)) / rest[:, 0] / d
        ridge = self.values + (self.floor * spread * rest[:, 0])[:, None]
        turned = away / ridge
        shrink = 1 - share * (away * turned).sum(1, keepdim=True)
        own = torch.nn.functional.one_hot(left, len(self.means))[:, :, None]
        off = (embedding.double() @ self.basis)[:, None] - self.means + own * (away / (size - 1))[:, None]
        along = (off * turned[:, None]).sum(2)
        squared = rest * ((off.square() / ridge[:, None]).sum(2) + share / shrink * along.square())
        volume = (ridge.log() - rest.log() + math.log(2 * math.pi)).sum(1) + shrink[:, 0].log()
        return LeftOutDistances(squared, volume / 2)


@DETECTORS.register("gaussian")
@dataclass(frozen=True, kw_only=True)
class Gaussian(LeavesOneOut):
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

    def fit_without(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> LeftOutScore:
        """See `LeavesOneOut.fit_without` and `LeftOutGaussian`."""
        check_training(embedding, logits, y, least=2)
        fitted = LeftOutGaussian.fit(embedding, y, logits.shape[1], self.floor)

        def score(outputs: Outputs, without: Int[Tensor, " b"]) -> Float[Tensor, " b"]:
            found = fitted(outputs.embedding, without)
            return (
                found.squared.gather(1, outputs.logits.argmax(1, keepdim=True))[:, 0] / 2 + found.log_volume
            ).float()

        return score
