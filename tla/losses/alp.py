"""Adversarial logit pairing: pulls the clean and adversarial outputs of an image together."""

from dataclasses import dataclass
from typing import Literal

from tla.losses.base import LOSSES, Loss, LossValue, Views, both


@LOSSES.register("alp")
@dataclass(frozen=True, kw_only=True)
class Pairing(Loss):
    """Batch mean of ||z(x) - z(x')||^2 (Kannan et al. 2018, section 3).

    Args:
        of: What is paired: "logits" as published, or "features", the embedding h(x).
    """

    of: Literal["logits", "features"] = "logits"

    def __call__(self, views: Views) -> LossValue:
        """The squared L2 norm of the difference, summed over its entries, averaged over the batch."""
        clean, adversarial = both(views, "alp")
        if self.of == "logits":
            difference = clean.logits.float() - adversarial.logits.float()
        else:
            difference = clean.embedding.float() - adversarial.embedding.float()
        value = difference.square().sum(1).mean()
        return LossValue(value, value.new_full((), float("nan")))
