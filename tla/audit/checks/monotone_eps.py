"""Does a larger ball help the attacker?"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict, worst
from tla.audit.compare import compare, equal_rule, weaker_rule
from tla.audit.context import Context
from tla.audit.variants import setting, settings, vary


@CHECKS.register("monotone_eps")
@dataclass(frozen=True, kw_only=True)
class MonotoneEps(Check):
    """Robust accuracy does not rise with eps.

    A short form of the attack under audit (`part` of its steps, at least five; one untargeted search; the default
    step size) is run at eps/2 and at 2 eps. A ball contains the smaller ones, so an image fooled in a smaller one
    is not robust in a larger one. FAIL: more than 1 % of the images, with 95 % confidence, are broken at eps/2 and
    survive the whole attack at eps; or the attack at eps breaks significantly more than the short one at 2 eps
    (one-sided exact McNemar, p < 0.01) and, with 95 % confidence, more than 1 % of the images that the short one
    misses. WARN: the latter without McNemar. Sources: Athalye et al. 2018; Carlini et al. 2019.

    Args:
        part: Share of the attack's steps that the short form takes.
    """

    number = 10
    title = "monotone in eps"
    level = "quick"
    cost = 0.1
    part: float = 0.125

    def __call__(self, context: Context) -> Verdict:
        """FAIL if the attack breaks more in a smaller ball."""
        if float(torch.as_tensor(context.threat.eps).max()) == 0:
            return self.say(context, "OK", "eps is 0: there is only one ball")
        half, double, full = self._short(context, 0.5), self._short(context, 2.0), context.run.broken
        inner, outer = compare(half, full), compare(full, double)
        words = weaker_rule(inner), equal_rule(outer)
        accuracy = ", ".join(f"{1 - float(mask.float().mean()):.3f}" for mask in (half, full, double))
        evidence = (
            f"accuracy {accuracy} at eps/2 (short attack), eps, 2 eps (short attack); "
            f"{inner.gained} and {outer.gained} of {context.n} images broken only in the smaller ball"
        )
        concerned = [each.rows for each, word in zip((inner, outer), words, strict=True) if word != "OK"]
        rows = torch.stack(concerned).any(0) if concerned else None
        advice = "The attack fails in a larger ball: use more steps, another loss or start, or find a masked gradient."
        return self.say(context, worst(words), evidence, advice, rows)

    def _short(self, context: Context, factor: float) -> Tensor:
        """What a short attack breaks in the ball of `factor` times eps, clean errors included, shape (n,)."""
        steps = max(5, round(setting(context.attack, "steps", 0) * self.part))
        short = {"steps": steps, "restarts": 1, "targets": 0, "step_size": None}
        changes = {name: value for name, value in short.items() if name == "steps" or name in settings(context.attack)}
        ball = replace(context.threat, eps=context.threat.eps * factor)
        name = f"{context.attack_name} ({steps} steps at {factor:g} eps)"
        run = context.attacked(name, vary(context.attack, **changes), threat=ball, counts=factor <= 1)
        return run.broken if factor <= 1 else ~context.correct | (run.prediction != context.y)
