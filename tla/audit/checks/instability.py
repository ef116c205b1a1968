"""Are predictions stable around the images?"""

from dataclasses import dataclass, replace

import torch

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.statistics.exact import exceeds


@CHECKS.register("instability")
@dataclass(frozen=True, kw_only=True)
class Instability(Check):
    """Predictions do not change under noise that is tiny compared to eps.

    Random points of a ball of radius eps times `radius` around the correctly classified clean images and around the
    adversarial images of the survivors. FAIL: with 95 % confidence, more than 5 % of the clean images change class, or
    more than 1 % of the survivors do, which then are not robust at all. WARN: more than 1 % of the clean images. If
    the output jumps, its gradients do not show where (shattered gradients, Athalye et al. 2018; "noise around the
    point", Pintor et al. 2022).

    Args:
        radius: Radius of the noise, over eps.
        draws: Random points per image.
    """

    number = 18
    title = "stable around the point"
    level = "standard"
    radius: float = 0.02
    draws: int = 10

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if tiny noise changes classes."""
        ball = replace(context.threat, eps=context.threat.eps * self.radius)
        attacked, survivors = context.run.result.adversarial, context.survivors
        source = context.source("instability")
        jumps, fooled = torch.zeros_like(survivors), torch.zeros_like(survivors)
        for _ in range(self.draws):
            jumps = jumps | (context.predictions(ball.start(context.x, source)) != context.y)
            fooled = fooled | context.breaks(context.threat.project(ball.start(attacked, source), context.x))
        jumps, fooled = jumps & context.correct, fooled & survivors
        context.broken["noise around the result"] = ~survivors | fooled
        n, clean, late = context.n, int(jumps.sum()), int(fooled.sum())
        evidence = (
            f"noise of {self.radius:g} eps changes the class of {clean} of {int(context.correct.sum())} clean images "
            f"and of {late} of {int(survivors.sum())} surviving adversarial images"
        )
        failed = exceeds(clean, n, 0.05) or exceeds(late, n)
        word = "FAIL" if failed else "WARN" if exceeds(clean, n) else "OK"
        advice = "The output jumps: average gradients over noise, attack the expectation, or use Square and transfer."
        return self.say(context, word, evidence, advice, jumps | fooled)
