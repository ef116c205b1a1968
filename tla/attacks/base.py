"""What every attack takes and returns."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from tla.attacks.goals import Goal
from tla.registry import Registry
from tla.threat import Threat
from tla.types import Model, OnStep


class AttackResult(NamedTuple):
    """What an attack found, per example.

    Attributes:
        adversarial: Inside the ball and the box: the best image by goal value, also where the attack failed;
            shape (b, ...).
        success: Recomputed on `adversarial` itself, shape (b,).
        distance: Norm of the perturbation in the threat's norm, shape (b,).
        value: The goal's value at `adversarial`, shape (b,).
        queries: Forward passes that the example took part in, shape (b,).
    """

    adversarial: Float[Tensor, "b ..."]
    success: Bool[Tensor, " b"]
    distance: Float[Tensor, " b"]
    value: Float[Tensor, " b"]
    queries: Int[Tensor, " b"]


@dataclass(frozen=True, kw_only=True)
class Attack(ABC):
    """A way to search the ball of a threat; subclasses are registered in `ATTACKS`, one per file."""

    registry: ClassVar[Registry["Attack"]]

    @abstractmethod
    def __call__(
        self,
        model: Model,
        x: Float[Tensor, "b ..."],
        goal: Goal,
        threat: Threat,
        *,
        generator: torch.Generator | None = None,
        on_step: OnStep | None = None,
    ) -> AttackResult:
        """Search for images that reach the goal.

        Args:
            model: Maps images to `Outputs`; left as it was (mode, gradients, hooks).
            x: Images in the threat's box, shape (b, ...); not changed.
            goal: What to climb, and when it is reached.
            threat: Norm, radius and box.
            generator: Source of random numbers, on the device of x.
            on_step: Called with every iterate; see `tla.attacks.Recorder`.

        Raises:
            ValueError: for images outside the box, an empty batch, or a goal of another batch size.
        """


ATTACKS: Registry[Attack] = Registry("attack", "tla.attacks")
Attack.registry = ATTACKS
