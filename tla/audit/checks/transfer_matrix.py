"""Is nobody else's attack better than one's own?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, weaker_rule
from tla.audit.context import Context
from tla.audit.transfer import matrix


@CHECKS.register("transfer_matrix")
@dataclass(frozen=True, kw_only=True)
class TransferMatrix(Check):
    """In the matrix of transfer, every model is attacked best by the images made on itself.

    Rows are the models that were attacked, columns those that judge; the diagonal must be the least accuracy of its
    column. FAIL: in some column images made elsewhere fool, with 95 % confidence, more than 1 % of those that the
    model's own attack left. Transfer that beats the white box shows masked gradients (Papernot et al. 2017; Athalye
    et al. 2018, "black-box attacks are better than white-box attacks"; Pintor et al. 2022).
    """

    number = 20
    title = "transfer matrix"
    level = "standard"

    def __call__(self, context: Context) -> Verdict:
        """FAIL where a model is fooled better by images of another."""
        found = matrix(context)
        names = list(dict.fromkeys(source for source, _ in found))
        worst, sentences = None, []
        for target in names:
            own = found[target, target]
            missed = {source: compare(found[source, target], own) for source in names if source != target}
            best = max(missed, key=lambda source: missed[source].gained)
            accuracy = [1 - float(found[source, target].float().mean()) for source in (target, best)]
            sentences.append(f"{target} {accuracy[0]:.3f} (from {best} {accuracy[1]:.3f})")
            if weaker_rule(missed[best]) == "FAIL" and (worst is None or missed[best].gained > worst[2].gained):
                worst = target, best, missed[best]
        evidence = f"accuracy under the own attack (under the best transferred one): {', '.join(sentences)}"
        if worst is None:
            return self.say(context, "OK", evidence)
        evidence += f"; images made on {worst[1]} fool {worst[2].gained} that the attack on {worst[0]} left"
        advice = f"The gradient of {worst[0]} is masked: count the transferred images, attack it through the other."
        return self.say(context, "FAIL", evidence, advice, worst[2].rows)
