"""Does the model return the same logits twice?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.subject import forward


@CHECKS.register("deterministic")
@dataclass(frozen=True, kw_only=True)
class Deterministic(Check):
    """Five forward passes agree: three identical ones, one in reversed order, one in other batches.

    FAIL: logits differ by more than `tolerance` of their spread (rounding is 1000 times smaller) or become NaN. A
    random model makes gradients and verdicts random (Athalye et al. 2018: stochastic gradients); one that depends on
    the other images of the batch has no well-defined accuracy.

    Args:
        tolerance: Largest difference that counts as rounding, in standard deviations of the logits.
    """

    number = 2
    title = "deterministic"
    level = "quick"
    tolerance: float = 1e-3

    def __call__(self, context: Context) -> Verdict:
        """FAIL if repeated forward passes disagree."""
        logits = context.clean.logits
        scale = float(logits.std()) or 1.0
        back = torch.arange(context.n - 1, -1, -1, device=logits.device)
        again = [self._pass(context, context.x, context.batch) for _ in range(2)]
        reversed_ = self._pass(context, context.x[back], context.batch)[back]
        rebatched = self._pass(context, context.x, max(1, min(context.batch, context.n) // 3))
        repeats, mates = self._worst(logits, again) / scale, self._worst(logits, [reversed_, rebatched]) / scale
        if repeats <= self.tolerance and mates <= self.tolerance:
            gap = max(repeats, mates)
            return self.say(
                context, "OK", f"5 forward passes of {context.n} images agree (largest difference {gap:.1e} spreads)"
            )
        moved = torch.stack([other.argmax(1) != logits.argmax(1) for other in (*again, reversed_, rebatched)]).any(0)
        change = f"{int(moved.sum())} of {context.n} predictions change"
        if repeats > self.tolerance:
            return self.say(
                context,
                "FAIL",
                f"repeated forward passes differ by {repeats:.2g} spreads of the logits; {change}",
                "Turn the randomness off; if it is the defence, attack its expectation (average gradients over "
                "draws, EOT) and report accuracy over draws.",
                moved,
            )
        return self.say(
            context,
            "FAIL",
            f"the other images in the batch change the logits by {mates:.2g} spreads; {change}",
            "Use no statistics of the batch (batch norm in evaluation mode).",
            moved,
        )

    @staticmethod
    def _pass(context: Context, x: Tensor, batch: int) -> Tensor:
        return forward(context.model, x, batch).logits

    @staticmethod
    def _worst(logits: Tensor, others: list[Tensor]) -> float:
        gaps = [float((other - logits).abs().amax()) for other in others]
        return max(gap if gap == gap else float("inf") for gap in gaps)
