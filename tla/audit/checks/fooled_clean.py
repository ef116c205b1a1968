"""Do clean errors count as not robust?"""

from dataclasses import dataclass

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import CannotRunError


@CHECKS.register("fooled_clean")
@dataclass(frozen=True, kw_only=True)
class FooledClean(Check):
    """Images that the model misclassifies without any attack count as not robust.

    FAIL: one such image is stored as robust. The audit's own accuracies always count them. No statistics: this is
    bookkeeping. Source: Carlini et al. 2019, checklist.
    """

    number = 12
    title = "clean errors count"
    level = "quick"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if a misclassified clean image is stored as robust."""
        sentences, ids, claims = [], [], 0
        for item in context.stored:
            if item.success is None:
                continue
            claims += 1
            wrong = context.predictions(item.x) != item.y
            robust = wrong & ~item.success
            ids += item.ids[robust.to(item.ids.device)].tolist()
            sentences.append(
                f"{item.name}: {int(robust.sum())} of {int(wrong.sum())} clean errors are counted as robust"
            )
        if context.attacks_run:
            count = int((~context.correct).sum())
            sentences.append(f"this audit counts its {count} clean errors of {context.n} images as not robust")
        elif not claims:
            raise CannotRunError("no claimed success was stored with the adversarial images")
        return Verdict(
            check="fooled_clean",
            number=self.number,
            verdict="FAIL" if ids else "OK",
            evidence="; ".join(sentences),
            advice="Divide by all images, and count as robust only what is right with and without the attack."
            if ids
            else "",
            ids=tuple(dict.fromkeys(ids)),
        )
