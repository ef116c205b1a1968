"""Decoupled direction and norm."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.threat import Norm


@ATTACKS.register("ddn")
@dataclass(frozen=True, kw_only=True)
class DDN(ExternalAttack):
    """The smallest L2 perturbation, with its direction and norm updated separately (Rony et al. 2019; adv-lib).

    It ignores eps: a larger perturbation is projected onto the ball, and may fail there. `on_step` is not called.

    Args:
        steps: Gradient steps, >= 1.
        init_norm: Norm of the first perturbation, in pixel units, > 0.
        gamma: Relative change of the norm per step, in (0, 1).

    Raises:
        ValueError: for steps below 1, or a threat that is not in l2.
        ModuleNotFoundError: without adv-lib; says how to install it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("l2",)
    quick: ClassVar[Mapping[str, Any]] = {"steps": 40}

    steps: int = 100
    init_norm: float = 1.0
    gamma: float = 0.05

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        # By position: adv-lib spells one parameter with a Greek letter.
        settings = (problem.targeted, self.steps, self.gamma, self.init_norm, None)
        return adv_lib("DDN").ddn(problem.model, problem.x, problem.labels, *settings)
