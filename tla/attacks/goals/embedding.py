"""Goals that live in the embedding: leave one's own, collide with another's, slip past a detector."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals.base import Goal, Surrogate
from tla.distances import DistanceName, distance
from tla.types import Outputs

Score = Callable[[Outputs], Float[Tensor, " b"]]
"""A detector's score, differentiable: larger is more suspicious."""


@dataclass(frozen=True, eq=False)
class LeaveEmbedding(Goal):
    """Move the embedding as far from where it was as possible: climb D(h(x), h(x')).

    At the clean image itself the distance has no gradient, so that the search needs a random start.

    Args:
        embedding: Where each image is when clean, shape (b, d).
        metric: Name of the distance (see `tla.distances`).
        enough: Distance from which on the goal is reached; by default it never is, and every step is walked.
    """

    embedding: Float[Tensor, "b d"]
    metric: DistanceName = "cosine"
    enough: float = float("inf")

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.embedding)

    def check(self, outputs: Outputs) -> None:
        """Refuse embeddings of another length than the model's."""
        check_width(outputs, self.embedding)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """The distance."""
        return distance(outputs.embedding.float(), self.embedding.float(), self.metric)

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the distance is enough."""
        return self.value(outputs) >= self.enough

    def select(self, rows: Tensor) -> "LeaveEmbedding":
        """The same goal for some rows."""
        return replace(self, embedding=self.embedding[rows])


@dataclass(frozen=True, eq=False)
class CollideWithEmbedding(Goal):
    """Bring the embedding to a given place, say that of another image: climb -D(h(t), h(x')) (Sabour et al. 2016).

    Args:
        embedding: Where each image shall go, shape (b, d).
        metric: Name of the distance (see `tla.distances`).
        near: Distance from which on the goal is reached; by default it never is, and every step is walked.
    """

    embedding: Float[Tensor, "b d"]
    metric: DistanceName = "cosine"
    near: float = -1.0

    @property
    def size(self) -> int:
        """Number of examples."""
        return len(self.embedding)

    def check(self, outputs: Outputs) -> None:
        """Refuse embeddings of another length than the model's."""
        check_width(outputs, self.embedding)

    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """Minus the distance."""
        return -distance(outputs.embedding.float(), self.embedding.float(), self.metric)

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the distance is small enough."""
        return -self.value(outputs) <= self.near

    def select(self, rows: Tensor) -> "CollideWithEmbedding":
        """The same goal for some rows."""
        return replace(self, embedding=self.embedding[rows])


@dataclass(frozen=True, eq=False)
class EvadeDetector(Goal):
    """Reach another goal without looking suspicious: the adaptive attacker of a detector.

    While an image does not reach the inner goal, that is climbed alone; where it does, the score is pushed down instead
    (selective gradient descent; Bryniarski et al. 2022). Of two images that reach the inner goal the less suspicious
    one is the better. Fit for steps of fixed length (`pgd`, `bim`, `mim`), which never compare values of the two kinds.

    Args:
        inner: What is wanted beside: `Untargeted(y, "margin")`.
        score: The detector's score of outputs, differentiable; larger is more suspicious.
        threshold: The goal is reached where the score is below it; by default it never is, and every step is walked.
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
        """The inner value where the inner goal is not reached, minus the score where it is."""
        return torch.where(self.inner.reached(outputs), -self.score(outputs).float(), self.inner.value(outputs))

    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the inner goal is reached and the score is below the threshold."""
        return self.inner.reached(outputs) & (self.score(outputs) < self.threshold)

    def stage(self, outputs: Outputs) -> Int[Tensor, " b"]:
        """0: the inner goal is not reached; 1: it is; 2: so is this."""
        return self.inner.reached(outputs).long() + self.reached(outputs).long()

    def select(self, rows: Tensor) -> "EvadeDetector":
        """The same goal for some rows."""
        return replace(self, inner=self.inner.select(rows))

    def using(self, surrogate: Surrogate | None) -> "EvadeDetector":
        """The same goal with another surrogate inside."""
        return replace(self, inner=self.inner.using(surrogate))


def check_width(outputs: Outputs, embedding: Tensor) -> None:
    """Refuse embeddings of another length than the model's."""
    if outputs.embedding.shape[1] != embedding.shape[1]:
        raise ValueError(
            f"embedding has {embedding.shape[1]} values per example, the model's has {outputs.embedding.shape[1]}"
        )
