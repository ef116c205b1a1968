"""What every goal answers: a value to climb, and whether it is reached."""

from abc import ABC, abstractmethod
from typing import Literal

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.types import Outputs

Surrogate = Literal["ce", "margin", "dlr", "cw"]
SURROGATES: tuple[Surrogate, ...] = ("ce", "margin", "dlr", "cw")


class Goal(ABC):
    """A value per example that attacks climb, and a test of arrival."""

    @abstractmethod
    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """What to climb, per example; float32, differentiable."""

    @abstractmethod
    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the attack has what it wants."""

    def stage(self, outputs: Outputs) -> Int[Tensor, " b"]:
        """How far the attack has come, 1 for reached; an image of a later stage is better whatever its value."""
        return self.reached(outputs).long()

    @abstractmethod
    def select(self, rows: Tensor) -> "Goal":
        """The same goal for some rows of the batch (positions or a mask)."""

    @property
    @abstractmethod
    def size(self) -> int:
        """Number of examples b."""

    def check(self, outputs: Outputs) -> None:
        """Refuse outputs that this goal cannot judge; called once per attack, on the first forward pass.

        Raises:
            ValueError: names what does not fit.
        """
        return

    def using(self, surrogate: Surrogate | None) -> "Goal":
        """The same goal, climbed by another loss; None, and goals that have but one loss, change nothing."""
        return self

    def toward(self, rival: int | None, clean: Outputs | None) -> "Goal | None":
        """The same goal, climbed in one of several directions.

        Args:
            rival: Rank of the wrong class to climb to, 0 for the likeliest on the clean image; None for any.
            clean: What the model says about the clean images.

        Returns:
            None where there is no such direction; this goal where it has but one.
        """
        return self
