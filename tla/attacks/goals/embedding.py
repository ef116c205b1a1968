"""Goals about the embedding: move it away, collide with another one, evade a detector."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals.base import Goal, Surrogate
from tla.attacks.goals.checks import check_width
from tla.distances import DistanceName, distance
from tla.tensors import as_floats
from tla.types import Outputs

Score = Callable[[Outputs], Float[Tensor, " b"]]
"""A detector's score, differentiable: larger is more suspicious."""


@runtime_checkable
class RowScore(Protocol):
    """A score of certain images, which differs from image to image: that of some rows is chosen with the goal's."""

    def __call__(self, outputs: Outputs, /) -> Float[Tensor, " b"]:
        """How suspicious each image is."""
        ...

    def select(self, rows: Tensor, /) -> "RowScore":
        """The score of some of the images (positions or a mask)."""
        ...


@dataclass(frozen=True, eq=False)
class LeaveEmbedding(Goal):
    """Move the embedding as far away as possible: climb D(h(x), h(x')).

    The distance has no gradient at the clean image itself, so the search needs a random start.

    Args:
        embedding: Embedding of each clean image, shape (b, d).
        metric: Name of the distance (see `tla.distances`).
        enough: Distance at which the goal is reached; by default it never is, and all steps are taken.
    """

    embedding: Float[Tensor, "b d"]
    metric: DistanceName = "cosine"
    enough: float = float("inf")

    def __post_init__(self) -> None:
        object.__setattr__(self, "embedding", as_floats("embedding", self.embedding))

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.embedding)

    def check(self, outputs: Outputs) -> None:
        """Refuse embeddings whose dimension is not the model's."""
        check_width(outputs, self.embedding)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The distance."""
        return distance(outputs.embedding.float(), self.embedding.float(), self.metric)

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the distance is at least `enough`."""
        return self.value(outputs) >= self.enough

    def select(self, rows: Tensor) -> "LeaveEmbedding":
        """The same goal for some rows."""
        return replace(self, embedding=self.embedding[rows])


@dataclass(frozen=True, eq=False)
class CollideWithEmbedding(Goal):
    """Move the embedding to a given one, such as another image's: climb -D(h(t), h(x')) (Sabour et al. 2016).

    Args:
        embedding: Target embedding of each image, shape (b, d).
        metric: Name of the distance (see `tla.distances`).
        near: Distance at which the goal is reached; by default it never is, and all steps are taken.
    """

    embedding: Float[Tensor, "b d"]
    metric: DistanceName = "cosine"
    near: float = -1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "embedding", as_floats("embedding", self.embedding))

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.embedding)

    def check(self, outputs: Outputs) -> None:
        """Refuse embeddings whose dimension is not the model's."""
        check_width(outputs, self.embedding)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """Minus the distance."""
        return -distance(outputs.embedding.float(), self.embedding.float(), self.metric)

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the distance is at most `near`."""
        return -self.value(outputs) <= self.near

    def select(self, rows: Tensor) -> "CollideWithEmbedding":
        """The same goal for some rows."""
        return replace(self, embedding=self.embedding[rows])


@dataclass(frozen=True, eq=False)
class EvadeDetector(Goal):
    """Reach another goal without looking suspicious: an adaptive attack on a detector.

    Until an image reaches the inner goal, only that goal is climbed; from then on the score is lowered instead
    (selective gradient descent; Bryniarski et al. 2022). Of two images that reach the inner goal, the less suspicious
    one is better. Use steps of fixed length (`pgd`, `bim`, `mim`): they never compare values of the two kinds.

    Args:
        inner: The other goal: `Untargeted(y, "margin")`.
        score: The detector's score of outputs, differentiable; larger is more suspicious.
        threshold: The goal is reached where the score is below it; by default it never is, and all steps are taken.
    """

    inner: Goal
    score: Score
    threshold: float = float("-inf")

    @property
    def size(self) -> int:
        """Number of examples."""
        return self.inner.size

    def check(self, outputs: Outputs) -> None:
        """Refuse what the inner goal refuses, and a score of the wrong shape."""
        self.inner.check(outputs)
        score = self.score(outputs)
        if score.shape != (self.size,):
            raise ValueError(f"score must give one number per example, shape ({self.size},), got {tuple(score.shape)}")

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The inner goal's value where that is not reached, minus the score where it is."""
        return torch.where(self.inner.reached(outputs), -self.score(outputs).float(), self.inner.value(outputs))

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the inner goal is reached and the score is below the threshold."""
        return self.inner.reached(outputs) & (self.score(outputs) < self.threshold)

    def stage(self, outputs: Outputs) -> Int[Tensor, " b"]:
        """0: the inner goal is not reached; 1: it is; 2: this goal is reached too."""
        return self.inner.reached(outputs).long() + self.reached(outputs).long()

    def select(self, rows: Tensor) -> "EvadeDetector":
        """The same goal for some rows."""
        score = self.score.select(rows) if isinstance(self.score, RowScore) else self.score
        return replace(self, inner=self.inner.select(rows), score=score)

    def using(self, surrogate: Surrogate | None) -> "EvadeDetector":
        """The same goal with another surrogate inside."""
        return replace(self, inner=self.inner.using(surrogate))
