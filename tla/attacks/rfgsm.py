"""One step from a random start."""

from dataclasses import dataclass
from typing import ClassVar

from tla.attacks.base import ATTACKS, Reach
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit, repeated
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("rfgsm")
@dataclass(frozen=True, kw_only=True)
class RFGSM(FirstOrder):
    """One step from a random point of the ball (R-FGSM; Tramer et al. 2018, with the step of Wong et al. 2020).

    Args:
        share: Length of the step, as a share of eps, > 0.
        restarts: Searches per image; only survivors are searched again.
        loss: "ce", "margin", "dlr" or "cw"; by default the goal's own.
        pursuit: "last_step" for training; see `PGD`.

    Raises:
        ValueError: for a share that is not positive, or restarts below 1.
    """

    reach: ClassVar[Reach] = "inside"

    share: float = 1.25
    restarts: int = 1
    loss: Surrogate | None = None
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """One step per restart."""
        phase = Phase(stepper=Steepest(steps=1, share=self.share), steps=1, loss=self.loss)
        return Plan(phases=repeated(phase, self.restarts), pursuit=self.pursuit)
