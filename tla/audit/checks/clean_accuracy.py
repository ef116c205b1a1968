"""Is there any accuracy that an attack could take away?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import CannotRunError
from tla.models.external.sanity import chance_sentence, doubts_about
from tla.statistics.agreement import agreement


@CHECKS.register("clean_accuracy")
@dataclass(frozen=True, kw_only=True)
class CleanAccuracy(Check):
    """The model is right on clean images more often than by chance, under its own order of classes.

    FAIL: clean accuracy is not above chance (permutation test, p > 0.01). WARN: it is, but another order of the
    classes, or the embedding in the place of the logits, is right on 10 points more of the images (one-sided sign
    test, p < 0.001). NOT RUN: so few images that no model could be above chance. Source: none.
    """

    number = 26
    title = "better than chance"
    level = "quick"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if there is no accuracy to attack."""
        outputs, labels = context.clean, context.y.cpu().numpy()
        classes = outputs.logits.shape[1]
        clean = agreement(outputs.logits.argmax(1).cpu().numpy(), labels, classes)
        if not clean.decidable:
            raise CannotRunError(chance_sentence(clean))
        found = f"{clean.right} of {clean.n} clean images are right, {clean.chance * clean.n:.3g} would be by chance"
        names = [str(number) for number in range(classes)]
        doubts = doubts_about(outputs, labels, names).warnings if labels.max() < classes else ()
        if not clean.above_chance:
            advice = "Check weights, mean, std, channels and the order of the classes: there is nothing to attack."
            more = f"; {doubts[0]}" if len(doubts) > 1 else ""
            return self.say(context, "FAIL", f"{found} (p = {clean.p:.2g}){more}", advice)
        if doubts:
            return self.say(context, "WARN", f"{found}; {doubts[0]}", "Put the classes into the order of the data.")
        return self.say(context, "OK", found)
