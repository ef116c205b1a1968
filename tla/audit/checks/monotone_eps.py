"""Does a larger ball help the attacker?"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict, Word, worst
from tla.audit.context import Context
from tla.audit.missed import compare, equal_rule
from tla.audit.variants import setting, settings, vary


@CHECKS.register("monotone_eps")
@dataclass(frozen=True, kw_only=True)
class MonotoneEps(Check):
    """Robust accuracy does not rise with eps.

    A short form of the attack under audit (`part` of its steps, at least five; one search) at eps/2, eps and 2 eps. A
    ball contains the smaller one, so nothing fooled in the smaller one can be robust in the larger one. FAIL: between
    neighbouring radii the smaller one fools significantly more (one-sided exact McNemar, p < 0.01 over both pairs)
    and fools, with 95 % confidence, more than 1 % of the images that the larger one leaves; or more than 1 % of the
    images fooled at eps/2 survive the whole attack at eps. WARN: only the 1 %, without McNemar. Source: Athalye et
    al. 2018, Carlini et al. 2019.

    Args:
        part: Share of the attack's steps that the short form takes.
    """

    number = 10
    title = "monotone in eps"
    level = "quick"
    part: float = 0.125

    def __call__(self, context: Context) -> Verdict:
        """FAIL where a smaller ball fools more."""
        eps = torch.as_tensor(context.threat.eps)
        if float(eps.max()) == 0:
            return self.say(context, "OK", "eps is 0: there is one ball only")
        fooled = [self._short(context, factor) for factor in (0.5, 1.0, 2.0)]
        words: list[Word] = []
        rows = torch.zeros(context.n, dtype=torch.bool, device=context.x.device)
        pairs = [(fooled[0], fooled[1]), (fooled[1], fooled[2]), (fooled[0], context.run.broken)]
        for number, (small, large) in enumerate(pairs):
            missed = compare(small, large)
            contained = number == 2 and missed.matters
            words.append("FAIL" if contained else equal_rule(missed, tests=2))
            rows |= missed.rows if words[-1] != "OK" else False
        word = worst(words)
        accuracy = ", ".join(f"{1 - float(mask.float().mean()):.3f}" for mask in fooled)
        evidence = f"short attacks leave accuracy {accuracy} at eps/2, eps, 2 eps"
        advice = "The attack gets lost in a larger ball: more steps, another loss, another start, or a masked gradient."
        return self.say(context, word, evidence, advice, rows)

    def _short(self, context: Context, factor: float) -> Tensor:
        """What a short attack breaks in the ball of `factor` times eps, clean errors included, shape (n,)."""
        attack = context.attack
        steps = max(5, round(setting(attack, "steps", 0) * self.part))
        changes: dict[str, float | int] = {"steps": steps}
        if "restarts" in settings(attack):
            changes["restarts"] = 1
        if setting(attack, "step_size") is not None:
            changes["step_size"] = setting(attack, "step_size") * factor
        ball = replace(context.threat, eps=context.threat.eps * factor)
        run = context.attacked(
            f"{context.attack_name}-{steps} at {factor:g} eps", vary(attack, **changes), threat=ball, counts=factor <= 1
        )
        if factor <= 1:
            return run.broken
        return ~context.correct | (run.prediction != context.y)
