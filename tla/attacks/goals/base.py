"""What every goal provides: a value to climb, and whether it is reached."""

from abc import ABC, abstractmethod
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.types import Outputs

Surrogate = Literal["ce", "margin", "dlr", "cw"]
SURROGATES: tuple[Surrogate, ...] = ("ce", "margin", "dlr", "cw")


class Goal(ABC):
    """A value per example that attacks climb, and a test of whether the goal is reached."""

    @abstractmethod
    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """What to climb, per example; float32, differentiable."""

    @abstractmethod
    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the attack has succeeded."""

    def stage(self, outputs: Outputs) -> Int[Tensor, " b"]:
        """How far the attack has got, 1 for reached; an image of a later stage is better whatever its value."""
        return self.reached(outputs).long()

    @abstractmethod
    def select(self, rows: Tensor) -> "Goal":
        """The same goal for some rows of the batch (positions or a mask)."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of examples b."""

    def check(self, outputs: Outputs) -> None:
        """Refuse outputs that do not fit this goal; called once per search, on the first forward pass.

        Raises:
            ValueError: names what does not fit.
        """
        return

    def using(self, surrogate: Surrogate | None) -> "Goal":
        """The same goal with another loss; this goal for None, or if it has only one loss."""
        return self

    def toward(self, rival: int | None, clean: Outputs | None) -> "Goal | None":
        """The same goal, climbed toward one wrong class.

        Args:
            rival: Rank of the wrong class to climb to, 0 for the likeliest on the clean image; None for any.
            clean: The model's outputs on the clean images.

        Returns:
            None if there is no class of that rank; this goal if it has only one direction.
        """
        return self
