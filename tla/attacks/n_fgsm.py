"""One step from a start outside the ball, for training."""

from dataclasses import dataclass
from typing import ClassVar

from tla.attacks.base import ATTACKS, Reach
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("n-fgsm")
@dataclass(frozen=True, kw_only=True)
class NFGSM(FirstOrder):
    """One step from a noisy start, neither of which stays in the ball (N-FGSM; de Jorge et al. 2022); for training.

    x' = clip(x + u + share * eps * steepest direction at x + u), with u uniform in the ball of radius noise * eps. The
    noise keeps one-step training from collapsing where FGSM does. The images are up to (noise + share) * eps away, so
    this is no attack to evaluate with.

    Args:
        share: Length of the step, as a share of eps, > 0.
        noise: Radius of the start, as a share of eps, >= 0.
        loss: "ce", "margin", "dlr" or "cw"; by default the goal's own.
        pursuit: "last_step" in training, whatever is set; see `PGD`.

    Raises:
        ValueError: for a share that is not positive, or negative noise.
    """

    reach: ClassVar[Reach] = "inside"
    evaluates: ClassVar[bool] = False

    share: float = 1.0
    noise: float = 2.0
    loss: Surrogate | None = None
    pursuit: Pursuit = "last_step"

    def plan(self) -> Plan:
        """One step."""
        if not self.noise >= 0:
            raise ValueError(f"noise must be >= 0, got {self.noise}")
        stepper = Steepest(steps=1, share=self.share, projects=False)
        phase = Phase(stepper=stepper, steps=1, loss=self.loss, radius=self.noise)
        return Plan(phases=(phase,), pursuit=self.pursuit)
