"""Did the attack find an adversarial image and lose it?"""

from dataclasses import dataclass

import torch

from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import CannotRunError
from tla.statistics.exact import exceeds


@CHECKS.register("silent_success")
@dataclass(frozen=True, kw_only=True)
class SilentSuccess(Check):
    """No image was fooled on the way and counted as robust in the end.

    WARN: for one image an iterate fooled the model, but the returned image does not. FAIL: for more than 1 % of the
    images, with 95 % confidence. Source: Pintor et al. 2022, indicator "silent success": the attack returns its last
    iterate instead of its best; a random model has the same effect.
    """

    number = 8
    title = "silent success"
    level = "quick"

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if an iterate fooled the model and the result does not."""
        track = context.run.trajectory
        if track is None:
            raise CannotRunError(f"{context.run.name} does not report its steps")
        ever = torch.zeros(context.n, dtype=torch.bool, device=context.x.device)
        ever[track.row[track.success]] = True
        lost = ever & context.survivors
        count = int(lost.sum())
        evidence = f"{count} of {context.n} images were fooled at some step, but not by the returned image"
        word = "OK" if count == 0 else "FAIL" if exceeds(count, context.n) else "WARN"
        advice = "Return the best iterate, not the last; if the model is random, see the check deterministic."
        return self.say(context, word, evidence, advice, lost)
