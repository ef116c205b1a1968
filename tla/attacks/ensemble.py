"""The default of an evaluation: several searches, the cheapest first."""

from dataclasses import dataclass

from tla.attacks.base import ATTACKS
from tla.attacks.search.auto_pgd import AutoPGDSteps
from tla.attacks.search.loop import FirstOrder, Phase, Plan, Pursuit
from tla.attacks.search.random_squares import RandomSquares
from tla.attacks.search.steepest import Steepest

SMALL = 1000
"""Where in its schedule of sizes the random search begins: a 40th of the picture's area."""


@ATTACKS.register("ensemble")
@dataclass(frozen=True, kw_only=True)
class Ensemble(FirstOrder):
    """An ensemble of searches on survivors, as strong as AutoAttack to within a point, at a small part of its cost.

    1. Projected gradient descent on the margin with steps of eps/4: few steps break what breaks easily; unlike
       cross-entropy the margin does not saturate (Carlini & Wagner 2017). It begins beside the image: a network that is
       flat around its images, as logit pairing makes it, hides more from searches that begin at random.
    2. Auto-PGD on the margin to each of the likeliest wrong classes in turn (Gowal et al. 2019; Croce & Hein 2020):
       the nearest wrong class on the clean image need not be the weakest spot, and robust networks have several. Twice,
       from new random starts, because where a search ends depends on where it begins.
    3. Random squares on the best image so far (Andriushchenko et al. 2020), for networks that hide their gradient, and
       for the last images that robust networks keep: there small squares find what gradients do not.

    Works in every norm, with two classes or more, for every goal; goals that have but one direction are searched from
    as many random starts instead.

    Args:
        steps: Gradient steps of the first search, >= 1.
        targets: Wrong classes to go to, >= 0; classes that the model lacks are left out.
        target_steps: Gradient steps to each of them, >= 1.
        restarts: Rounds over these classes, >= 1.
        queries: Tries of the random search, a forward pass each, >= 0.
        pursuit: Who walks how far; see `PGD`.

    Raises:
        ValueError: for a number below its least.
    """

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
        tries = (
            (Phase(stepper=RandomSquares(begin=SMALL), steps=self.queries, start="best", loss="margin"),)
            if self.queries
            else ()
        )
        return Plan(phases=(first, *toward * self.restarts, *tries), pursuit=self.pursuit)
