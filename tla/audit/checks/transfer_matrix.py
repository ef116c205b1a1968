"""Is every model broken best by images made on itself?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, weaker_rule
from tla.audit.context import Context
from tla.audit.transfer import matrix


@CHECKS.register("transfer_matrix")
@dataclass(frozen=True, kw_only=True)
class TransferMatrix(Check):
    """In the transfer matrix, images made on a model break it best.

    Rows are the attacked models, columns the evaluated ones; the diagonal must be the lowest accuracy of its column.
    FAIL: in some column images made on another model fool, with 95 % confidence, more than 1 % of the images that the
    model's own attack missed. Transfer that beats the white box shows masked gradients (Papernot et al. 2017; Athalye
    et al. 2018, "black-box attacks are better than white-box attacks"; Pintor et al. 2022).
    """

    number = 20
    title = "transfer matrix"
    level = "standard"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if a model is fooled better by images of another."""
        fooled = matrix(context)
        names = list(dict.fromkeys(source for source, _ in fooled))
        worst, sentences = None, []
        for target in names:
            own = fooled[target, target]
            others = {source: compare(fooled[source, target], own) for source in names if source != target}
            best = max(others, key=lambda source: others[source].gained)
            accuracy = [1 - float(fooled[source, target].float().mean()) for source in (target, best)]
            sentences.append(f"{target} {accuracy[0]:.3f} (from {best} {accuracy[1]:.3f})")
            if weaker_rule(others[best]) == "FAIL" and (worst is None or others[best].gained > worst[2].gained):
                worst = target, best, others[best]
        evidence = f"accuracy under its own attack (under the best transferred one): {', '.join(sentences)}"
        if worst is None:
            return self.say(context, "OK", evidence)
        evidence += f"; images made on {worst[1]} fool {worst[2].gained} that the attack on {worst[0]} missed"
        advice = f"The gradient of {worst[0]} is masked: count the transferred images, attack through the other model."
        return self.say(context, "FAIL", evidence, advice, worst[2].rows)
