"""What every training method takes and returns."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Float
from torch import Tensor

from tla.registry import Registry
from tla.training.batches import Batch
from tla.training.step_context import StepContext


class Terms(NamedTuple):
    """The loss of one step and its terms.

    Attributes:
        loss: What is minimised (without weight decay, which the optimiser adds).
        cross_entropy: The cross-entropy in it.
        triplet: The triplet term before its weight; None or NaN without triplets.
        active: Share of triplets with a positive hinge; None or NaN without triplets.
        undo: Called after the backward pass and before the optimiser's step.
    """

    loss: Float[Tensor, ""]
    cross_entropy: Float[Tensor, ""]
    triplet: Float[Tensor, ""] | None = None
    active: Float[Tensor, ""] | None = None
    undo: Callable[[], None] | None = None


@dataclass(frozen=True, kw_only=True)
class Method(ABC):
    """Parameters of a training method; subclasses are registered in `METHODS`, one per file."""

    registry: ClassVar[Registry["Method"]]

    @abstractmethod
    def __call__(self, batch: Batch, context: StepContext) -> Terms:
        """The loss of one batch.

        Args:
            batch: Augmented images, classes, positions.
            context: Attack, forward passes, further images.
        """

    def requirements(self) -> "Requirements":
        """What the method needs, checked before training starts."""
        return Requirements()

    def idle(self) -> dict[str, str]:
        """Settings that have no effect given the others, and why; a sweep over one is refused."""
        return {}


class Requirements(NamedTuple):
    """What a method needs of the data, and how it is trained and selected.

    Attributes:
        positives: Every class needs a second image.
        pool: Size of the pool of negatives, 0 for none.
        bank: Size of the memory bank of embeddings, 0 for none.
        keys: How many clean images of the batch it uses, 0 for none or all.
        robust: Selected by robust accuracy on held-out images; otherwise by clean accuracy.
        attacked: Trains on attacked images; False for natural training.
        one_step: Attacks them by a single step of its own, whatever the run's attack is.
    """

    positives: bool = False
    pool: int = 0
    bank: int = 0
    keys: int = 0
    robust: bool = True
    attacked: bool = True
    one_step: bool = False


METHODS: Registry[Method] = Registry("method", "tla.training.methods")
Method.registry = METHODS


def at_least_zero(owner: Method, *names: str) -> None:
    """Refuse negative settings.

    Raises:
        ValueError: names the setting.
    """
    for name in names:
        if not getattr(owner, name) >= 0:
            raise ValueError(f"{name} must be >= 0, got {getattr(owner, name)}")
