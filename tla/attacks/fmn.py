"""Fast minimum-norm."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tla.attacks.base import ATTACKS
from tla.attacks.external.adapter import ExternalAttack, Problem
from tla.attacks.external.advlib import adv_lib
from tla.attacks.external.starts import find_starts
from tla.threat import Norm

NUMBERS = {"linf": float("inf"), "l2": 2, "l1": 1}


@ATTACKS.register("fmn")
@dataclass(frozen=True, kw_only=True)
class FMN(ExternalAttack):
    """The smallest change in any norm, by a ball that shrinks and grows (Pintor et al. 2021; adv-lib).

    Searches come from another image of the batch, or from noise, that reaches the goal already, where there is one. It
    does not know the threat's eps: a change that needs more is pulled back, and fails. `on_step` is not called.

    Args:
        steps: Gradient steps, >= 1.

    Raises:
        ValueError: for steps below 1.
        ModuleNotFoundError: without adv-lib; says how to get it.
    """

    norms: ClassVar[tuple[Norm, ...]] = ("linf", "l2", "l1")

    steps: int = 100

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise ValueError(f"steps must be >= 1, got {self.steps}")

    def run(self, problem: Problem) -> Tensor:
        """Adversarial images."""
        attack = adv_lib("FMN").fmn
        starts, able = find_starts(problem, torch.Generator(problem.x.device).manual_seed(problem.seed))
        made = problem.x.clone()
        for rows, points in ((able, starts[able]), (~able, None)):
            if bool(rows.any()):
                settings = {"norm": NUMBERS[problem.norm], "targeted": problem.targeted, "steps": self.steps}
                made[rows] = attack(
                    problem.model, problem.x[rows], problem.labels[rows], starting_points=points, **settings
                )
        return made
