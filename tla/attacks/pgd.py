"""Projected gradient descent."""

from dataclasses import dataclass

from tla.attacks.base import ATTACKS
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit, repeated
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("pgd")
@dataclass(frozen=True, kw_only=True)
class PGD(FirstOrder):
    """Projected gradient descent from a random start, in any norm (Madry et al. 2018; Linf, L2, L1).

    Args:
        steps: Gradient steps, >= 1.
        step_size: Length of a step: a number in pixel units, or a share of eps as a text, "eps/4"; by default the
            larger of eps/4 and 2.5 eps/steps.
        restarts: Searches per image; only survivors are searched again.
        random_start: Start from a random point of the ball instead of the image.
        loss: "ce", "margin", "dlr" or "cw"; by default the goal's own.
        pursuit: "until_reached": images that are fooled (checked in float32) leave the batch. "all_steps": all images
            run all steps, and the best iterate is returned. "last_step": all images run all steps, and the last iterate
            is returned, as for training.

    Raises:
        ValueError: for steps or restarts below 1, a step size that is not positive, or restarts without a random start.
    """

    steps: int = 40
    step_size: float | str | None = None
    restarts: int = 1
    random_start: bool = True
    loss: Surrogate | None = None
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """The same search for every restart."""
        stepper = Steepest(steps=self.steps, step_size=self.step_size)
        phase = Phase(
            stepper=stepper, steps=self.steps, start="random" if self.random_start else "image", loss=self.loss
        )
        return Plan(phases=repeated(phase, self.restarts), pursuit=self.pursuit)
