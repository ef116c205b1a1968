"""The best image found so far, per example."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals import Goal
from tla.types import Outputs


class Best(NamedTuple):
    """A table with one row per example; methods return a new one, or this one if nothing changes.

    `rows` is a mask, or positions in increasing order without repetition (so that b positions are the whole table).

    Attributes:
        images: Shape (b, ...).
        reached: Whether the image reaches the goal, shape (b,).
        stage: How far the image gets (see `Goal.stage`), -1 for nothing found yet, shape (b,).
        value: The goal's value at the image, shape (b,).
        queries: Forward passes spent on the example, shape (b,).
    """

    images: Float[Tensor, "b ..."]
    reached: Bool[Tensor, " b"]
    stage: Int[Tensor, " b"]
    value: Float[Tensor, " b"]
    queries: Int[Tensor, " b"]

    @classmethod
    def none(cls, x: Tensor) -> "Best":
        """Nothing found yet: the clean images, with value minus infinity."""
        n, device = len(x), x.device
        return cls(
            x,
            torch.zeros(n, dtype=torch.bool, device=device),
            torch.full((n,), -1, dtype=torch.int64, device=device),
            torch.full((n,), -torch.inf, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )

    def take(self, other: "Best") -> "Best":
        """The better image of each row, by stage, then by value; queries add up."""
        wins = (other.stage > self.stage) | ((other.stage == self.stage) & (other.value > self.value))
        mask = wins.reshape(-1, *[1] * (self.images.ndim - 1))
        return Best(
            torch.where(mask, other.images, self.images),
            torch.where(wins, other.reached, self.reached),
            torch.where(wins, other.stage, self.stage),
            torch.where(wins, other.value, self.value),
            self.queries + other.queries,
        )

    def add_query(self) -> "Best":
        """One more forward pass for every row."""
        return self._replace(queries=self.queries + 1)

    def select(self, rows: Tensor) -> "Best":
        """Some of the rows."""
        if self._whole(rows):
            return self
        return Best._make(column[rows] for column in self)

    def write(self, rows: Tensor, new: "Best") -> "Best":
        """This table with `new` in place of some of its rows."""
        if self._whole(rows):
            return new
        return Best._make(column.index_copy(0, rows, value) for column, value in zip(self, new, strict=True))

    def merge(self, rows: Tensor, found: "Best") -> "Best":
        """This table with `found` on some of its rows where that is better."""
        return self.write(rows, self.select(rows).take(found))

    def _whole(self, rows: Tensor) -> bool:
        return rows.dtype != torch.bool and len(rows) == len(self.images)


def scored(images: Tensor, outputs: Outputs, goal: Goal) -> Best:
    """Images scored by one forward pass."""
    return Best(
        images,
        goal.reached(outputs),
        goal.stage(outputs),
        goal.value(outputs),
        torch.ones(len(images), dtype=torch.int64, device=images.device),
    )
