"""What does the reference ensemble break that the attack missed?"""

from dataclasses import dataclass

from tla.attacks import ATTACKS
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, equal_rule, verdict
from tla.audit.context import Context


@CHECKS.register("autoattack")
@dataclass(frozen=True, kw_only=True)
class AutoAttackFindsNoMore(Check):
    """Standard AutoAttack breaks no more than the attack under audit; the images that it alone breaks are listed.

    FAIL: it breaks significantly more (one-sided exact McNemar, p < 0.01) and, with 95 % confidence, more than 1 % of
    the images that the attack missed. WARN: only the latter. Needs the package pyautoattack. Source: Croce & Hein
    2020.
    """

    number = 22
    title = "AutoAttack finds nothing more"
    level = "long"
    cost = 32.0

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL where AutoAttack breaks more."""
        ensemble = ATTACKS.build("autoattack", batch=context.batch)
        comparison = compare(context.attacked("autoattack", ensemble).broken, context.run.broken)
        advice = "Report AutoAttack's accuracy with this one, and look at the listed images."
        return verdict(self, context, equal_rule(comparison), "AutoAttack", comparison, advice)
