"""The smoothness term of TRADES."""

from dataclasses import dataclass

from torch.nn import functional

from tla.losses.base import LOSSES, Loss, LossValue, Views, both


@LOSSES.register("trades")
@dataclass(frozen=True, kw_only=True)
class Divergence(Loss):
    """Batch mean of KL(p(x) || p(x')), the second term of TRADES (Zhang et al. 2019, eq. 5)."""

    def __call__(self, views: Views) -> LossValue:
        """Summed over classes, averaged over the batch; gradients flow through both sides."""
        clean, adversarial = both(views, "trades")
        value = functional.kl_div(
            adversarial.logits.float().log_softmax(1),
            clean.logits.float().log_softmax(1),
            reduction="batchmean",
            log_target=True,
        )
        return LossValue(value, value.new_full((), float("nan")))
