"""What every loss takes and returns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.distances import DistanceName
from tla.registry import Registry
from tla.types import Outputs


class Triplets(NamedTuple):
    """Triplets as row indices into a tensor of embeddings; nothing is copied.

    Attributes:
        anchor: Row of each anchor, shape (t,).
        positive: Row of each positive, of the anchor's class, shape (t,).
        negative: Row of each negative, of another class, shape (t,).
        valid: False where there is no positive or no negative; such a triplet has no weight. Shape (t,).
    """

    anchor: Int[Tensor, " t"]
    positive: Int[Tensor, " t"]
    negative: Int[Tensor, " t"]
    valid: Bool[Tensor, " t"]


class Views(NamedTuple):
    """What one training step computed for a batch; a loss reads what it needs.

    Attributes:
        y: True classes, shape (b,).
        clean: Outputs of the natural images, b rows, or None.
        adversarial: Outputs of the same images under attack, b rows, or None.
        embeddings: Embeddings that `triplets` indexes, shape (n, d), or None.
        triplets: Mined triplets, or None.
    """

    y: Int[Tensor, " b"]
    clean: Outputs | None = None
    adversarial: Outputs | None = None
    embeddings: Float[Tensor, "n d"] | None = None
    triplets: Triplets | None = None


class LossValue(NamedTuple):
    """A loss, and the share of triplets behind it.

    Attributes:
        loss: What is minimised; one number, float32.
        active: Share of valid triplets with a positive hinge, in [0, 1]; NaN for losses without triplets. Detached.
    """

    loss: Float[Tensor, ""]
    active: Float[Tensor, ""]


@dataclass(frozen=True, kw_only=True)
class Loss(ABC):
    """Parameters of a loss; subclasses are registered in `LOSSES`, one per file."""

    registry: ClassVar[Registry["Loss"]]

    @abstractmethod
    def __call__(self, views: Views) -> LossValue:
        """The loss of one batch; it has a gradient even where it is zero.

        Args:
            views: What the step computed.

        Raises:
            ValueError: if the views lack what the loss needs; begins with its name and "needs".
        """

    @property
    def mining_distance(self) -> DistanceName:
        """The distance by which training looks for the hardest negatives."""
        return "abs_cosine"


LOSSES: Registry[Loss] = Registry("loss", "tla.losses")
Loss.registry = LOSSES


def both(views: Views, name: str) -> tuple[Outputs, Outputs]:
    """The clean and the adversarial outputs of a batch.

    Raises:
        ValueError: if one of them is missing; names the loss.
    """
    if views.clean is None or views.adversarial is None:
        raise ValueError(f"{name} needs clean and adversarial outputs of the same images")
    return views.clean, views.adversarial
