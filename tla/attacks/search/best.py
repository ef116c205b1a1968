"""The best image found so far, per example."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals import Goal
from tla.types import Outputs


class Best(NamedTuple):
    """A table with one row per example; every method returns a new one, or this where nothing changes.

    Rows are named by a mask, or by their positions, in rising order, each once: all of them are the table itself.

    Attributes:
        images: Shape (b, ...).
        reached: Whether the image reaches the goal, shape (b,).
        stage: How far the image comes (see `Goal.stage`), -1 for nothing found yet, shape (b,).
        value: The goal's value at it, shape (b,).
        queries: Forward passes spent on the example, shape (b,).
    """

    images: Float[Tensor, "b ..."]
    reached: Bool[Tensor, " b"]
    stage: Int[Tensor, " b"]
    value: Float[Tensor, " b"]
    queries: Int[Tensor, " b"]

    @classmethod
    def none(cls, x: Tensor) -> "Best":
        """Nothing found yet: the clean images, of value minus infinity."""
        n, device = len(x), x.device
        return cls(
            x,
            torch.zeros(n, dtype=torch.bool, device=device),
            torch.full((n,), -1, dtype=torch.int64, device=device),
            torch.full((n,), -torch.inf, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )

    def take(self, other: "Best") -> "Best":
        """The better one of each row, by stage, then by value; the queries are the sum of both."""
        wins = (other.stage > self.stage) | ((other.stage == self.stage) & (other.value > self.value))
        mask = wins.reshape(-1, *[1] * (self.images.ndim - 1))
        return Best(
            torch.where(mask, other.images, self.images),
            torch.where(wins, other.reached, self.reached),
            torch.where(wins, other.stage, self.stage),
            torch.where(wins, other.value, self.value),
            self.queries + other.queries,
        )

    def asked(self) -> "Best":
        """One more forward pass for every row."""
        return self._replace(queries=self.queries + 1)

    def select(self, rows: Tensor) -> "Best":
        """Some of the rows."""
        if self._whole(rows):
            return self
        return Best._make(part[rows] for part in self)

    def write(self, rows: Tensor, new: "Best") -> "Best":
        """This table with `new` in place of some of its rows."""
        if self._whole(rows):
            return new
        return Best._make(part.index_copy(0, rows, value) for part, value in zip(self, new, strict=True))

    def merge(self, rows: Tensor, found: "Best") -> "Best":
        """This table, with the better of the two on some of its rows."""
        return self.write(rows, self.select(rows).take(found))

    def _whole(self, rows: Tensor) -> bool:
        return rows.dtype != torch.bool and len(rows) == len(self.images)


def found(images: Tensor, outputs: Outputs, goal: Goal) -> Best:
    """What one forward pass says about some images."""
    return Best(
        images,
        goal.reached(outputs),
        goal.stage(outputs),
        goal.value(outputs),
        torch.ones(len(images), dtype=torch.int64, device=images.device),
    )
