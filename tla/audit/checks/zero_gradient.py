"""Does the attack have a gradient to climb?"""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.attacks import Untargeted
from tla.attacks.goals import Surrogate
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import loss_of
from tla.statistics.exact import exceeds


@CHECKS.register("zero_gradient")
@dataclass(frozen=True, kw_only=True)
class ZeroGradient(Check):
    """The loss has a gradient at the images that survive.

    Counts images that are right when clean, survived the attack, and whose gradient at the clean image is exactly zero
    or NaN. FAIL: more than 1 % of all images, with 95 % confidence, under the loss that the attack climbs. WARN: under
    cross-entropy alone, or cross-entropy is saturated there (the probability of the class is 1 in float32) while the
    attack climbs it. Sources: Athalye et al. 2018 (shattered and vanishing gradients), Carlini & Wagner 2017 (saturated
    softmax), Pintor et al. 2022 (indicator "non-transferable / zero gradient"), Croce & Hein 2020 (zero-gradient flag).
    """

    number = 7
    title = "zero gradient"
    level = "quick"

    def __call__(self, context: Context) -> Verdict:
        """FAIL if the attack has nothing to climb."""
        survivors = self._survivors(context)
        own_loss = loss_of(context.attack)
        own = self._flat(context, own_loss) & survivors
        ce = own if own_loss == "ce" else self._flat(context, "ce") & survivors
        saturated = self._saturated(context) & survivors
        counts = (
            f"zero or NaN gradient for {int(own.sum())} of {context.n} images under the attack's loss ({own_loss}), "
            f"{int(ce.sum())} under cross-entropy; saturated: {int(saturated.sum())}; survivors only"
        )
        if exceeds(int(own.sum()), context.n):
            margin = own_loss == "ce" and not exceeds(int((self._flat(context, "margin") & survivors).sum()), context.n)
            advice = (
                "Climb a margin loss (loss = margin or dlr): it does not saturate."
                if margin
                else "The gradient is masked: attack a differentiable approximation (BPDA), or use Square and transfer."
            )
            return self.say(context, "FAIL", counts, advice, own)
        if exceeds(int(ce.sum()), context.n) or (own_loss == "ce" and exceeds(int(saturated.sum()), context.n)):
            advice = "Do not report attacks that climb cross-entropy on this model: use the margin loss, or dlr."
            return self.say(context, "WARN", counts, advice, ce | saturated)
        return self.say(context, "OK", counts)

    @staticmethod
    def _survivors(context: Context) -> Tensor:
        """Images that are right and survived; all that are right if the attack rejects the model."""
        try:
            return context.survivors
        except Exception:  # an attack that rejects the model breaks nothing
            return context.correct

    @staticmethod
    def _flat(context: Context, loss: Surrogate) -> Tensor:
        """True where the gradient at the clean image is zero or NaN, shape (n,)."""
        batches = []
        for start in range(0, context.n, context.batch):
            x = context.x[start : start + context.batch].detach().clone().requires_grad_()
            goal = Untargeted(context.y[start : start + context.batch]).using(loss)
            with torch.enable_grad(), torch.autocast(x.device.type, enabled=False):
                value = goal.value(context.model(x)).sum()
                gradient = torch.autograd.grad(value, x, allow_unused=True)[0] if value.requires_grad else None
            gradient = torch.zeros_like(x) if gradient is None else gradient
            largest = gradient.flatten(1).abs().amax(1)
            batches.append((largest == 0) | ~torch.isfinite(largest))
        return torch.cat(batches)

    @staticmethod
    def _saturated(context: Context) -> Tensor:
        """True where the predicted class has probability 1 in float32, shape (n,)."""
        return context.clean.logits.softmax(1).amax(1) == 1
