"""Does twice the effort change the answer?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, equal_rule, verdict
from tla.audit.context import Context
from tla.audit.variants import CannotRunError, setting, settings, vary


@CHECKS.register("doubling")
@dataclass(frozen=True, kw_only=True)
class Doubling(Check):
    """Twice the steps and twice the restarts break nothing more.

    FAIL: significantly more images are broken (one-sided exact McNemar, p < 0.01) and, with 95 % confidence, more than
    1 % were missed. WARN: only the latter. Source: Carlini et al. 2019 ("verify that the attack has converged").
    """

    number = 13
    title = "doubling changes nothing"
    level = "standard"
    cost = 3.6

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if a longer attack breaks more."""
        attack, changes = context.attack, {}
        for name in ("steps", "restarts"):
            if name in settings(attack):
                changes[name] = 2 * setting(attack, name)
        if not changes:
            raise CannotRunError(f"{context.attack_name} has neither steps nor restarts to double")
        if not setting(attack, "random_start", True):
            changes.pop("restarts", None)
        who = ", ".join(f"{number} {name}" for name, number in changes.items())
        run = context.attacked(f"{context.attack_name} ({who})", vary(attack, **changes))
        comparison = compare(run.broken, context.run.broken)
        return verdict(
            self, context, equal_rule(comparison), who, comparison, "Double until nothing changes, then report that."
        )
