"""Fast minimum-norm."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tla.attacks.advlib import adv_lib
from tla.attacks.base import ATTACKS
from tla.attacks.foreign import Foreign, Loan
from tla.attacks.starts import find_starts
from tla.threat import Norm

NUMBERS = {"linf": float("inf"), "l2": 2, "l1": 1}


@ATTACKS.register("fmn")
@dataclass(frozen=True, kw_only=True)
class FMN(Foreign):
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

    def run(self, loan: Loan) -> Tensor:
        """Adversarial images."""
        attack = adv_lib("FMN").fmn
        starts, able = find_starts(loan, torch.Generator(loan.x.device).manual_seed(loan.seed))
        made = loan.x.clone()
        for rows, points in ((able, starts[able]), (~able, None)):
            if bool(rows.any()):
                settings = {"norm": NUMBERS[loan.norm], "targeted": loan.targeted, "steps": self.steps}
                made[rows] = attack(loan.model, loan.x[rows], loan.labels[rows], starting_points=points, **settings)
        return made
