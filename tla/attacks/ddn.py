"""Decoupled direction and norm."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.threat import Norm


@ATTACKS.register("ddn")
@dataclass(frozen=True, kw_only=True)
class DDN(ExternalAttack):
    """The smallest L2 change, by turning direction and length apart (Rony et al. 2019; adv-lib).

    It does not know the threat's eps: a change that needs more is pulled back, and fails. `on_step` is not called.

    Args:
        steps: Gradient steps, >= 1.
        init_norm: Length of the first change, in pixel units, > 0.
        gamma: By which factor the length changes per step, in (0, 1).

    Raises:
        ValueError: for steps below 1, or a threat that is not in l2.
        ModuleNotFoundError: without adv-lib; says how to get it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("l2",)

    steps: int = 100
    init_norm: float = 1.0
    gamma: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        # The third of its parameters is called gamma in Greek.
        settings = (problem.targeted, self.steps, self.gamma, self.init_norm, None)
        return adv_lib("DDN").ddn(problem.model, problem.x, problem.labels, *settings)
