"""The interface of a detector: a frozen dataclass that is fitted on natural training embeddings."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from tla.nearest import Search
from tla.registry import Registry
from tla.representation.checks import check_embeddings, check_labels, check_logits
from tla.tensors import BLOCK
from tla.types import Outputs

Score = Callable[[Outputs], Float[Tensor, " b"]]
"""How suspicious each example is, larger = more; float32, differentiable through embedding or logits."""


@dataclass(frozen=True, kw_only=True)
class Detector(ABC):
    """A way to score how suspicious outputs are; subclasses are registered in `DETECTORS`, one per file.

    `reads_logits` is True if the score depends on more of the logits than which class they predict.
    """

    registry: ClassVar[Registry["Detector"]]
    reads_logits: ClassVar[bool] = False

    @abstractmethod
    def fit(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> Score:
        """Learn what natural outputs look like.

        Args:
            embedding: Natural TRAINING embeddings, shape (n, d).
            logits: Their logits, shape (n, classes).
            y: Their classes, shape (n,).
            search: A faster search of `embedding`, `(queries, k) -> positions`, for detectors that need neighbours.

        Returns:
            The score of `Outputs`, on the device of `embedding`.

        Raises:
            ValueError: for inputs that are not finite, do not match, or are too few.
        """


LeftOutScore = Callable[[Outputs, Int[Tensor, " b"]], Float[Tensor, " b"]]
"""A score that leaves one training embedding out of the fit per example: its position, or -1 for none, shape (b,)."""


class LeavesOneOut(Detector):
    """A detector whose score without one of its training embeddings has a closed form."""

    @abstractmethod
    def fit_without(
        self,
        embedding: Float[Tensor, "n d"],
        logits: Float[Tensor, "n c"],
        y: Int[Tensor, " n"],
        search: Search | None = None,
    ) -> LeftOutScore:
        """Like `Detector.fit`, for examples that are among the training embeddings themselves.

        Args:
            embedding: Natural embeddings, shape (n, d).
            logits: Their logits, shape (n, classes).
            y: Their classes, shape (n,).
            search: A faster search of `embedding`.

        Returns:
            The score that a fit to all embeddings but the one left out would give.

        Raises:
            ValueError: as `Detector.fit`; a class needs one more embedding.
        """


DETECTORS: Registry[Detector] = Registry("detector", "tla.representation.detectors")
Detector.registry = DETECTORS


def check_training(embedding: Tensor, logits: Tensor, y: Tensor, least: int = 1) -> None:
    """Reject training embeddings that a detector cannot be fitted on.

    Args:
        embedding: Shape (n, d).
        logits: Shape (n, classes).
        y: Shape (n,).
        least: How many embeddings each class needs.

    Raises:
        ValueError: names the argument, or the class that has too few.
    """
    check_embeddings("embedding", embedding)
    check_logits(logits, len(embedding))
    check_labels("y", y, len(embedding), logits.shape[1])
    few = (torch.bincount(y, minlength=logits.shape[1]) < least).nonzero()[:, 0].tolist()
    if few:
        more = f" and {len(few) - 10} more" if len(few) > 10 else ""
        raise ValueError(f"every class needs at least {least} training embeddings, classes {few[:10]}{more} have fewer")


def class_means(embedding: Tensor, y: Tensor, classes: int, around: Tensor | None = None) -> Tensor:
    """Mean embedding of each class, float64, shape (classes, d).

    Args:
        embedding: Shape (n, d).
        y: Classes, shape (n,).
        classes: How many there are.
        around: Of each class, shape (classes, d), float64: the mean squared distance to it is returned, per feature.
    """
    total = torch.zeros(classes, embedding.shape[1], dtype=torch.float64, device=embedding.device)
    for some, own in zip(embedding.split(BLOCK), y.split(BLOCK), strict=True):
        values = some.double()
        total.index_add_(0, own, values if around is None else (values - around[own]).square())
    return total / torch.bincount(y, minlength=classes)[:, None]


class LastLayer(NamedTuple):
    """The affine map from embedding to logits.

    Attributes:
        weight: Shape (classes, d).
        bias: Shape (classes,).
    """

    weight: Tensor
    bias: Tensor


def last_layer(embedding: Tensor, logits: Tensor) -> LastLayer:
    """The last layer of a network, from what it made of its training images: float64 least squares.

    Directions in which the training embeddings do not vary get no weight.

    Args:
        embedding: Shape (n, d).
        logits: Shape (n, classes).

    Raises:
        ValueError: if the logits are no affine function of the embedding (R^2 below 0.99).
    """
    ones = torch.ones(len(embedding), 1, dtype=torch.float64, device=embedding.device)
    inputs, targets = torch.cat([embedding.double(), ones], 1), logits.double()
    solution = torch.linalg.pinv(inputs) @ targets
    rest, spread = (targets - inputs @ solution).square().sum(), (targets - targets.mean(0)).square().sum()
    if rest > 0.01 * spread + 1e-12:
        raise ValueError(
            "embedding must be the input of the network's last layer: the logits are no affine function of it "
            f"(R^2 {1 - float(rest / spread):.2f}); take a detector that needs no last layer, as gaussian or knn"
        )
    return LastLayer(solution[:-1].mT.float(), solution[-1].float())
