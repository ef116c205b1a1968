"""The L2 attack of Carlini and Wagner."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.threat import Norm


@ATTACKS.register("cw_l2")
@dataclass(frozen=True, kw_only=True)
class CWL2(ExternalAttack):
    """The smallest L2 perturbation, by Adam on a weighted sum of size and margin (Carlini & Wagner 2017; adv-lib).

    It ignores eps: a larger perturbation is projected onto the ball, and may fail there. `on_step` is not called.

    Args:
        steps: Gradient steps per weight, >= 1.
        searches: Number of weights tried, by bisection, >= 1.
        learning_rate: Of Adam, > 0.
        first_weight: First weight of the margin, > 0.

    Raises:
        ValueError: for a number below its limit, or a threat that is not in l2.
        ModuleNotFoundError: without adv-lib; says how to install it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("l2",)
    quick: ClassVar[Mapping[str, Any]] = {"steps": 50, "searches": 4, "learning_rate": 0.05}

    steps: int = 1000
    searches: int = 9
    learning_rate: float = 0.01
    first_weight: float = 0.001

    def __post_init__(self) -> None:
        for name in ("steps", "searches"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        return adv_lib("C&W").carlini_wagner_l2(
            problem.model,
            problem.x,
            problem.labels,
            targeted=problem.targeted,
            learning_rate=self.learning_rate,
            initial_const=self.first_weight,
            binary_search_steps=self.searches,
            max_iterations=self.steps,
        )
