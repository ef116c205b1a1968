"""The default attack of an evaluation: several searches, the cheapest first."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tla.attacks.base import ATTACKS
from tla.attacks.search.auto_pgd import AutoPGDSteps
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit
from tla.attacks.search.random_squares import RandomSquares
from tla.attacks.search.steepest import Steepest

SMALL = 1000
"""Where the random search begins in its schedule of sizes: a 40th of the picture's area."""


@ATTACKS.register("ensemble")
@dataclass(frozen=True, kw_only=True)
class Ensemble(FirstOrder):
    """Several searches, each on the survivors; within a point of AutoAttack at a fraction of its cost.

    1. Projected gradient descent on the margin with steps of eps/4: a few steps break the easy images, and unlike
       cross-entropy the margin does not saturate (Carlini & Wagner 2017). It starts next to the image: networks that
       are flat around their images, as after logit pairing, are harder to fool from a random start.
    2. Auto-PGD on the margin to each of the likeliest wrong classes in turn (Gowal et al. 2019; Croce & Hein 2020):
       the likeliest wrong class on the clean image need not be the easiest to reach, and robust networks have several.
       Twice, from new random starts, because where a search ends depends on where it begins.
    3. Random squares on the best image so far (Andriushchenko et al. 2020), for networks with masked gradients, and for
       the last survivors of robust networks: there small squares succeed where gradients do not.

    Works in every norm, with two classes or more, for every goal; goals with only one direction are searched from as
    many random starts instead.

    Args:
        steps: Gradient steps of the first search, >= 1.
        targets: Number of wrong classes to climb to, >= 0; with fewer wrong classes, all of them.
        target_steps: Gradient steps to each of them, >= 1.
        restarts: Rounds over these classes, >= 1.
        queries: Forward passes of the random search, >= 0.
        pursuit: When an image stops; see `PGD`.

    Raises:
        ValueError: for a number below its minimum.
    """

    quick: ClassVar[Mapping[str, Any]] = {"restarts": 1, "queries": 50}

    steps: int = 20
    targets: int = 4
    target_steps: int = 30
    restarts: int = 2
    queries: int = 300
    pursuit: Pursuit = "until_reached"

    def plan(self) -> Plan:
        """Descent, targeted descents, random search."""
        for name, least in (("targets", 0), ("target_steps", 1), ("restarts", 1), ("queries", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be >= {least}, got {getattr(self, name)}")
        first = Phase(stepper=Steepest(steps=self.steps, share=1 / 4), steps=self.steps, start="near", loss="margin")
        toward = tuple(
            Phase(stepper=AutoPGDSteps(steps=self.target_steps), steps=self.target_steps, loss="margin", rival=rival)
            for rival in range(self.targets)
        )
        squares = (
            (Phase(stepper=RandomSquares(begin=SMALL), steps=self.queries, start="best", loss="margin"),)
            if self.queries
            else ()
        )
        return Plan(phases=(first, *toward * self.restarts, *squares), pursuit=self.pursuit)
