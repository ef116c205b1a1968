"""Does the model return what attacks need?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.subject import forward


@CHECKS.register("logits")
@dataclass(frozen=True, kw_only=True)
class Logits(Check):
    """The model returns finite logits of shape (n, classes), one for each label, not probabilities.

    FAIL: the forward pass raises, the shape is wrong, a value is NaN or infinite, a label has no logit, or every row is
    nonnegative and sums to 1 (a softmax inside the model flattens the cross-entropy's gradient; Carlini & Wagner 2017,
    Croce & Hein 2020). Log probabilities pass: both losses are the same on them.

    Args:
        tolerance: Largest distance of a row's sum from 1 that still counts as probabilities.
    """

    number = 3
    title = "logits"
    level = "quick"
    tolerance: float = 1e-3

    def __call__(self, context: Context) -> Verdict:
        """FAIL if attacks cannot use what the model returns."""
        try:
            logits = forward(context.model, context.x, context.batch).logits
        except Exception as error:  # whatever a user's model raises is the finding
            return self._fail(context, f"the forward pass raises {type(error).__name__}: {error}")
        if logits.ndim != 2 or len(logits) != context.n or logits.shape[1] < 2:
            got = tuple(logits.shape)
            return self._fail(context, f"logits must have shape ({context.n}, classes >= 2), got {got}")
        broken = ~torch.isfinite(logits).all(1)
        if bool(broken.any()):
            return self._fail(
                context, f"logits are NaN or infinite for {int(broken.sum())} of {context.n} images", broken
            )
        missing = context.y >= logits.shape[1]
        if bool(missing.any()):
            top = int(context.y.max())
            return self._fail(context, f"the model has {logits.shape[1]} classes, labels reach {top}", missing)
        return self._probabilities(context, logits)

    def _probabilities(self, context: Context, logits: Tensor) -> Verdict:
        gap = float((logits.sum(1) - 1).abs().amax())
        if float(logits.min()) >= 0 and gap <= self.tolerance:
            return self.say(
                context,
                "FAIL",
                f"every row is >= 0 and sums to 1 (within {gap:.1e}): these are probabilities",
                "Return the logits, before the softmax; a softmax inside the model hides the gradient.",
            )
        accuracy = float((logits.argmax(1) == context.y).float().mean())
        evidence = f"finite logits for {logits.shape[1]} classes, not probabilities; clean accuracy {accuracy:.3f}"
        return self.say(context, "OK", evidence)

    def _fail(self, context: Context, evidence: str, rows: Tensor | None = None) -> Verdict:
        advice = "Fix the model first: no attack is meaningful on such outputs."
        return self.say(context, "FAIL", evidence, advice, rows)
