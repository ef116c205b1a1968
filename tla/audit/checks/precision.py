"""Does half precision change the answer?"""

from dataclasses import dataclass

import torch

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, equal_rule
from tla.audit.context import Context
from tla.statistics.exact import exceeds


@CHECKS.register("precision")
@dataclass(frozen=True, kw_only=True)
class PrecisionCheck(Check):
    """The attack under bfloat16 autocast gives the same robust accuracy as in float32.

    Both results are evaluated in float32. FAIL: either breaks significantly more than the other (one-sided exact
    McNemar, p < 0.005, as there are two sides) and, with 95 % confidence, more than 1 % of the images that the other
    missed. WARN: only the latter, or bfloat16 alone changes the class of more than `clean` of the clean images (95 %
    confidence): do not trust a bfloat16 evaluation of this model without a float32 recheck. Source: none; the
    tolerance is ours.

    Args:
        clean: Share of clean images whose class may change under bfloat16.
    """

    number = 21
    title = "bfloat16 against float32"
    level = "standard"
    cost = 0.7
    clean: float = 0.02

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if the precision matters."""
        kind = context.x.device.type
        with torch.no_grad(), torch.autocast(kind, dtype=torch.bfloat16):
            coarse = torch.cat([context.model(batch).logits.argmax(1) for batch in context.x.split(context.batch)])
        changed = coarse != context.clean.logits.argmax(1)
        with torch.autocast(kind, dtype=torch.bfloat16):
            run = context.attacked(f"{context.attack_name} under bfloat16", context.attack)
        sides = compare(run.broken, context.run.broken), compare(context.run.broken, run.broken)
        words = {equal_rule(side, tests=2) for side in sides}
        soft = exceeds(int(changed.sum()), context.n, self.clean)
        word = "FAIL" if "FAIL" in words else "WARN" if soft or "WARN" in words else "OK"
        evidence = (
            f"accuracy under attack {_accuracy(run.broken):.3f} in bfloat16, {_accuracy(context.run.broken):.3f} in "
            f"float32 ({sides[0].gained} and {sides[1].gained} of {context.n} images broken by one alone, McNemar p = "
            f"{min(side.p for side in sides):.2g}); bfloat16 changes the class of {int(changed.sum())} clean images"
        )
        return self.say(
            context, word, evidence, "Evaluate this model in float32.", sides[0].rows | sides[1].rows | changed
        )


def _accuracy(broken: torch.Tensor) -> float:
    return 1 - float(broken.float().mean())
