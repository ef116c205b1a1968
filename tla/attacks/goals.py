"""What an attack wants: a value to climb, and whether it is reached."""

from abc import ABC, abstractmethod
from typing import Literal

from jaxtyping import Bool, Float
from torch import Tensor

from tla.types import Outputs

Surrogate = Literal["ce", "margin", "dlr"]


class Goal(ABC):
    """A value per example that attacks climb, and a test of arrival."""

    @abstractmethod
    def value(self, outputs: Outputs) -> Float[Tensor, " b"]:
        """What to climb, per example; float32, differentiable."""

    @abstractmethod
    def reached(self, outputs: Outputs) -> Bool[Tensor, " b"]:
        """True where the attack has what it wants."""

    @abstractmethod
    def select(self, rows: Tensor) -> "Goal":
        """The same goal for some rows of the batch (positions or a mask)."""
