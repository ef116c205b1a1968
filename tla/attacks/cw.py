"""The margin loss of Carlini & Wagner inside a ball."""

from dataclasses import dataclass

from tla.attacks.base import ATTACKS
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit, repeated
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("cw")
@dataclass(frozen=True, kw_only=True)
class CW(FirstOrder):
    """Projected gradient descent on -relu(z_y - max_other + 50) (Carlini & Wagner 2017, as in Madry et al. 2018).

    Args:
        steps: Gradient steps, >= 1.
        step_size: Length of a step: a number in pixel units, or a share of eps as a text, "eps/4"; by default the
            larger of eps/4 and 2.5 eps/steps.
        restarts: Searches per image; only survivors are searched again.
        random_start: Start from a random point of the ball instead of the image.
        pursuit: When an image stops; see `PGD`.

    Raises:
        ValueError: for steps or restarts below 1, a step size that is not positive, or restarts without a random start.
    """

    steps: int = 40
    step_size: float | str | None = None
    restarts: int = 1
    random_start: bool = True
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """The same search for every restart."""
        stepper = Steepest(steps=self.steps, step_size=self.step_size)
        start = "random" if self.random_start else "image"
        phase = Phase(stepper=stepper, steps=self.steps, start=start, loss="cw")
        return Plan(phases=repeated(phase, self.restarts), pursuit=self.pursuit)
