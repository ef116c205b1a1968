"""Was the step size well chosen?"""

from dataclasses import dataclass

import torch

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import panel
from tla.audit.context import Context
from tla.audit.variants import CannotRunError, setting, settings, vary


@CHECKS.register("step_size")
@dataclass(frozen=True, kw_only=True)
class StepSize(Check):
    """Other step sizes, at the same number of steps, break nothing more.

    Tries the given fractions of eps, except those within a factor 1.5 of the one in use. FAIL: one breaks
    significantly more (one-sided exact McNemar, p < 0.01 over the number of sizes) and, with 95 % confidence, more
    than 1 % of the images were missed. WARN: only the latter. Sources: Carlini et al. 2019; Pintor et al. 2022;
    Croce & Hein 2020.

    Args:
        fractions: Step sizes over eps.
    """

    number = 17
    title = "step size"
    level = "standard"
    fractions: tuple[float, ...] = (1 / 16, 1 / 4, 1.0)

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if another step size breaks more."""
        attack, eps = context.attack, torch.as_tensor(context.threat.eps)
        if "step_size" not in settings(attack):
            raise CannotRunError(f"{context.attack_name} chooses its step size itself")
        if eps.ndim or float(eps) == 0:
            raise CannotRunError("step sizes are compared at one eps > 0 for all images")
        size = setting(attack, "step_size")
        own = max(1 / 4, 2.5 / setting(attack, "steps", 10)) if size is None else size / float(eps)
        others = [share for share in self.fractions if not 1 / 1.5 < share / own < 1.5]
        broken = {}
        for share in others:
            run = context.attacked(
                f"{context.attack_name} in steps of {share:g} eps", vary(attack, step_size=share * float(eps))
            )
            broken[f"step {share:g} eps"] = run.broken
        advice = f"A step of {own:g} eps works poorly here: take the size that breaks most, or APGD, which adapts it."
        return panel(self, context, broken, advice)
