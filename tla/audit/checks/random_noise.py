"""Is the attack better than no attack?"""

from dataclasses import dataclass

import torch

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, verdict, weaker_rule
from tla.audit.context import Context


@CHECKS.register("random_noise")
@dataclass(frozen=True, kw_only=True)
class RandomNoise(Check):
    """Random points of the ball break nothing that the attack missed.

    Half of the draws are spread over the ball, half are on its surface (corners of the cube for Linf). FAIL: more
    than 1 % of the images, with 95 % confidence, are broken by noise and not by the attack. Sources: Athalye et al.
    2018 ("random sampling finds adversarial examples"), Carlini et al. 2019.

    Args:
        draws: Random points per image, an even number.
    """

    number = 15
    title = "noise fools nothing more"
    level = "standard"
    draws: int = 20

    def __call__(self, context: Context) -> Verdict:
        """FAIL if noise breaks what the attack missed."""
        source, x, threat = context.source("noise"), context.x, context.threat
        fooled = ~context.correct
        for draw in range(self.draws):
            if draw % 2:
                noise = torch.randn(x.shape, generator=source, device=x.device, dtype=x.dtype)
                images = threat.project(x + threat.radius(x) * threat.steepest(noise), x)
            else:
                images = threat.start(x, source)
            fooled = fooled | context.breaks(images)
        context.broken["noise"] = fooled
        comparison = compare(fooled, context.run.broken)
        advice = "The attack does worse than chance: the gradient misleads it. Use Square, more starts, or transfer."
        who = f"{self.draws} random points per image"
        return verdict(self, context, weaker_rule(comparison), who, comparison, advice)
