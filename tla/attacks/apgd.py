"""Auto-PGD: steps that shrink when progress stalls."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tla.attacks.base import ATTACKS
from tla.attacks.goals import Surrogate
from tla.attacks.search.auto_pgd import AutoPGDSteps
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit, repeated


@ATTACKS.register("apgd")
@dataclass(frozen=True, kw_only=True)
class APGD(FirstOrder):
    """Momentum steps of length 2 eps, halved per image when progress stalls (Croce & Hein 2020, algorithm 1).

    Args:
        steps: Gradient steps, >= 1.
        restarts: Searches per image (per target class); only survivors are searched again.
        loss: "ce", "margin" or "dlr".
        targets: 0 climbs away from the true class. k > 0 climbs toward each of the k likeliest wrong classes in turn
            (APGD-T is loss "dlr" with 9 targets); with fewer wrong classes, toward those that there are.
        pursuit: When an image stops; see `PGD`.

    Raises:
        ValueError: for steps or restarts below 1, or targets below 0.
    """

    quick: ClassVar[Mapping[str, Any]] = {"steps": 40}

    steps: int = 100
    restarts: int = 1
    loss: Surrogate = "dlr"
    targets: int = 0
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """The same search for every target class and restart."""
        if self.targets < 0:
            raise ValueError(f"targets must be >= 0, got {self.targets}")
        rivals = range(self.targets) if self.targets else (None,)
        stepper = AutoPGDSteps(steps=self.steps)
        once = tuple(Phase(stepper=stepper, steps=self.steps, loss=self.loss, rival=rival) for rival in rivals)
        phases = tuple(phase for _ in repeated(once[0], self.restarts) for phase in once)
        return Plan(phases=phases, pursuit=self.pursuit)
