"""The basic iterative method."""

from dataclasses import dataclass

from tla.attacks.base import ATTACKS
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("bim")
@dataclass(frozen=True, kw_only=True)
class BIM(FirstOrder):
    """Projected gradient descent from the image itself (Kurakin et al. 2017).

    Args:
        steps: Gradient steps, >= 1.
        step_size: Length of a step: a number in pixel units, or a share of eps as a text, "eps/4"; by default the
            larger of eps/4 and 2.5 eps/steps.
        loss: "ce", "margin", "dlr" or "cw"; by default the goal's own.
        pursuit: When an image stops; see `PGD`.

    Raises:
        ValueError: for steps below 1 or a step size that is not positive.
    """

    steps: int = 40
    step_size: float | str | None = None
    loss: Surrogate | None = None
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """One search."""
        stepper = Steepest(steps=self.steps, step_size=self.step_size)
        phase = Phase(stepper=stepper, steps=self.steps, start="image", loss=self.loss)
        return Plan(phases=(phase,), pursuit=self.pursuit)
