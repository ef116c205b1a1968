"""Does the stored array still fool the model?"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context, Stored
from tla.audit.subject import forward
from tla.audit.variants import CannotRunError
from tla.statistics.exact import exceeds


class Disagreement(NamedTuple):
    """Where the claimed success is wrong, and how many fooled images were counted as robust."""

    rows: Tensor
    wrongly_robust: int


@CHECKS.register("recheck")
@dataclass(frozen=True, kw_only=True)
class Recheck(Check):
    """Success, recomputed from the stored array in float32 and another batch size, is as claimed.

    A disagreement counts unless the two largest logits are closer than `tie` times the spread of all logits: rounding
    then decides between them. WARN: one disagreement. FAIL: more than 1 % of the images, with 95 % confidence. Both
    directions count: a false success, and a fooled image counted as robust. Source: Carlini et al.
    2019, checklist.

    Args:
        batch: Images per forward pass here; attacks use larger ones.
        tie: Gap of the two largest logits, in standard deviations of the logits, that rounding may reverse.
    """

    number = 6
    title = "recheck in float32"
    level = "quick"
    batch: int = 7
    tie: float = 1e-4

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if claimed and recomputed success differ."""
        claimed = [(item, item.success) for item in context.arrays() if item.success is not None]
        if not claimed:
            raise CannotRunError("no claimed success was stored with the adversarial images")
        sentences, ids, count, total = [], [], 0, 0
        for item, success in claimed:
            differs, wrongly_robust = self._disagree(context, item, success)
            count, total = count + int(differs.sum()), total + len(differs)
            ids += item.ids[differs.to(item.ids.device)].tolist()
            sentence = f"{item.name}: {int(differs.sum())} of {len(differs)} verdicts differ"
            if bool(differs.any()):
                sentence += f" ({wrongly_robust} counted as robust are fooled)"
            sentences.append(sentence)
        word = "OK" if count == 0 else "FAIL" if exceeds(count, total) else "WARN"
        return Verdict(
            check="recheck",
            number=self.number,
            verdict=word,
            evidence="; ".join(sentences),
            advice="Evaluate the stored images by one float32 forward pass in evaluation mode and report that."
            * (word != "OK"),
            ids=tuple(dict.fromkeys(ids)),
        )

    def _disagree(self, context: Context, item: Stored, success: Tensor) -> Disagreement:
        logits = forward(context.model, item.adversarial, self.batch).logits
        wrong = logits.argmax(1) != item.y
        # Clean errors count as fooled whatever the attack did to them; fooled_clean checks those.
        right = context.predictions(item.x) == item.y
        top = logits.topk(2, dim=1).values
        clear = (top[:, 0] - top[:, 1]) > self.tie * logits.std()
        differs = (wrong != success) & clear & right
        return Disagreement(differs, int((differs & wrong).sum()))
