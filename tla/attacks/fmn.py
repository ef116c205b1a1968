"""Fast minimum-norm."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.attacks.external.starts import find_starts

NUMBERS = {"linf": float("inf"), "l2": 2, "l1": 1}


@ATTACKS.register("fmn")
@dataclass(frozen=True, kw_only=True)
class FMN(ExternalAttack):
    """The smallest perturbation in any norm, by a ball that shrinks and grows (Pintor et al. 2021; adv-lib).

    Searches start from another image of the batch, or from noise, that already reaches the goal, if there is one. It
    ignores eps: a larger perturbation is projected onto the ball, and may fail there. `on_step` is not called.

    Args:
        steps: Gradient steps, >= 1.

    Raises:
        ValueError: for steps below 1.
        ModuleNotFoundError: without adv-lib; says how to install it.
    """

    steps: int = 100

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        attack = adv_lib("FMN").fmn
        starts, found = find_starts(problem, torch.Generator(problem.x.device).manual_seed(problem.seed))
        adversarial = problem.x.clone()
        for rows, points in ((found, starts[found]), (~found, None)):
            if bool(rows.any()):
                settings = {"norm": NUMBERS[problem.norm], "targeted": problem.targeted, "steps": self.steps}
                adversarial[rows] = attack(
                    problem.model, problem.x[rows], problem.labels[rows], starting_points=points, **settings
                )
        return adversarial
