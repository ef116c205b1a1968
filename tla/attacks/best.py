"""The best image found so far, per example."""

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor


class Best(NamedTuple):
    """A table with one row per example; every method returns a new one.

    Attributes:
        images: Shape (b, ...).
        reached: Whether the image reaches the goal, shape (b,).
        value: The goal's value at it, shape (b,).
        queries: Forward passes spent on the example, shape (b,).
    """

    images: Float[Tensor, "b ..."]
    reached: Bool[Tensor, " b"]
    value: Float[Tensor, " b"]
    queries: Int[Tensor, " b"]

    @classmethod
    def none(cls, x: Tensor) -> "Best":
        """Nothing found yet: the clean images, of value minus infinity."""
        n, device = len(x), x.device
        return cls(
            x,
            torch.zeros(n, dtype=torch.bool, device=device),
            torch.full((n,), -torch.inf, device=device),
            torch.zeros(n, dtype=torch.int64, device=device),
        )

    def take(self, images: Tensor, reached: Tensor, value: Tensor) -> "Best":
        """The better one of each row: reached beats not reached, then the higher value wins."""
        wins = (reached & ~self.reached) | ((reached == self.reached) & (value > self.value))
        mask = wins.reshape(-1, *[1] * (images.ndim - 1))
        return Best(
            torch.where(mask, images, self.images),
            torch.where(wins, reached, self.reached),
            torch.where(wins, value, self.value),
            self.queries,
        )

    def asked(self) -> "Best":
        """One more forward pass for every row."""
        return self._replace(queries=self.queries + 1)

    def select(self, rows: Tensor) -> "Best":
        """Some of the rows."""
        return Best._make(part[rows] for part in self)

    def write(self, rows: Tensor, new: "Best") -> "Best":
        """This table with `new` in place of some of its rows."""
        return Best._make(part.index_copy(0, rows, value) for part, value in zip(self, new, strict=True))

    def merge(self, rows: Tensor, found: "Best") -> "Best":
        """This table, with the better of the two on some of its rows, and the queries of both."""
        old = self.select(rows)
        kept = old.take(found.images, found.reached, found.value)
        return self.write(rows, kept._replace(queries=old.queries + found.queries))
