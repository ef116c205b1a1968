"""DeepFool."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.attacks.goals import Goal, Untargeted
from tla.threat import Norm

NUMBERS = {"linf": float("inf"), "l2": 2}


@ATTACKS.register("deepfool")
@dataclass(frozen=True, kw_only=True)
class DeepFool(ExternalAttack):
    """The smallest perturbation, by repeated steps to the nearest plane (Moosavi-Dezfooli et al. 2016; adv-lib).

    It ignores eps: a larger perturbation is projected onto the ball, and may fail there. `on_step` is not called.

    Args:
        steps: Maximum number of steps, >= 1.
        overshoot: How far beyond the plane to go, as a share of the perturbation, >= 0.

    Raises:
        ValueError: for steps below 1, a targeted goal, or a threat in l1.
        ModuleNotFoundError: without adv-lib; says how to install it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2")
    goals: ClassVar[tuple[type[Goal], ...]] = (Untargeted,)

    steps: int = 100
    overshoot: float = 0.02

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        attack = adv_lib("DeepFool").df
        return attack(
            problem.model,
            problem.x,
            problem.labels,
            steps=self.steps,
            overshoot=self.overshoot,
            norm=NUMBERS[problem.norm],
        )
