"""Does the attack always succeed if everything is allowed?"""

from dataclasses import dataclass, replace

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import setting, vary
from tla.statistics.exact import exceeds


@CHECKS.register("unbounded")
@dataclass(frozen=True, kw_only=True)
class Unbounded(Check):
    """With eps as large as the box, accuracy is zero.

    Any image may then become any other, so a survivor shows a fault of the attack or a masked gradient. A step
    size given in pixel units grows with eps. FAIL: more than 1 % of the images survive, with 95 % confidence. WARN:
    some do. Sources: Athalye et al. 2018 ("unbounded attacks do not reach 100 % success"), Carlini et al. 2019.
    """

    number = 14
    title = "unbounded attack reaches zero"
    level = "standard"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if images survive an attack without limits."""
        threat, pixels = context.threat, context.x[0].numel()
        reach = {"linf": 1.0, "l2": pixels**0.5, "l1": float(pixels)}[threat.norm] * (threat.high - threat.low)
        size = setting(context.attack, "step_size")
        attack = context.attack if size is None else vary(context.attack, step_size=reach / 4)
        run = context.attacked("unbounded", attack, threat=replace(threat, eps=reach), counts=False)
        survive = context.correct & (run.prediction == context.y)
        count = int(survive.sum())
        evidence = (
            f"{count} of {context.n} images survive {context.attack_name} at {threat.norm} eps {reach:g}, the whole box"
        )
        word = "OK" if count == 0 else "FAIL" if exceeds(count, context.n) else "WARN"
        advice = "The attack cannot climb this model: see zero_gradient; try dlr, more steps, BPDA or Square."
        return self.say(context, word, evidence, advice, survive)
