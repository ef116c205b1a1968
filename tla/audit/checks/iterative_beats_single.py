"""Is the iterative attack at least as strong as one step?"""

from dataclasses import dataclass

from tla.attacks import ATTACKS
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, verdict, weaker_rule
from tla.audit.context import Context


@CHECKS.register("iterative_beats_single")
@dataclass(frozen=True, kw_only=True)
class IterativeBeatsSingle(Check):
    """A single step breaks nothing that the attack missed.

    The single step is FGSM: eps along the cross-entropy's gradient from the clean image (Goodfellow et al. 2015).
    FAIL: more than 1 % of the images, with 95 % confidence, are broken by it and not by the attack. Source: Athalye
    et al. 2018 ("one-step attacks perform better than iterative attacks"), Carlini et al. 2019.
    """

    number = 11
    title = "iterative beats single step"
    level = "quick"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if FGSM breaks what the attack missed."""
        audited = context.run.broken
        comparison = compare(context.attacked("fgsm", ATTACKS.build("fgsm", loss="ce")).broken, audited)
        advice = "The attack is too short, or its steps are too small or misled: see step_size and zero_gradient."
        return verdict(self, context, weaker_rule(comparison), "a single step (fgsm)", comparison, advice)
