"""The fast gradient sign method."""

from dataclasses import dataclass

from tla.attacks.base import ATTACKS
from tla.attacks.goals import Surrogate
from tla.attacks.search.loop import FirstOrder, Phase, Plan
from tla.attacks.search.steepest import Steepest


@ATTACKS.register("fgsm")
@dataclass(frozen=True, kw_only=True)
class FGSM(FirstOrder):
    """One step of length eps along the steepest direction, from the image itself (Goodfellow et al. 2015).

    Args:
        loss: "ce", "margin", "dlr" or "cw"; by default the goal's own.
    """

    loss: Surrogate | None = None

    def plan(self) -> Plan:
        """One step."""
        stepper = Steepest(steps=1, share=1.0)
        return Plan(phases=(Phase(stepper=stepper, steps=1, start="image", loss=self.loss),))
