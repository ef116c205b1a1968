"""Would another loss have broken more?"""

from dataclasses import dataclass

from tla.attacks import ATTACKS
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import panel
from tla.audit.context import Context
from tla.audit.variants import loss_of, settings, vary


@CHECKS.register("loss_swap")
@dataclass(frozen=True, kw_only=True)
class LossSwap(Check):
    """The other losses, and the targeted ones, break nothing more.

    The attack under audit is repeated with each other loss (ce, margin, dlr), and APGD climbs the targeted DLR toward
    the likeliest wrong classes. Each is an attack of equal rank. FAIL: one of them breaks significantly more (one-
    sided exact McNemar, p < 0.01 over the number of losses) and, with 95 % confidence, more than 1 % of the images
    were missed. WARN: only the latter. Sources: Carlini & Wagner 2017; Croce & Hein 2020; Pintor et al. 2022.

    Args:
        targets: Wrong classes that the targeted attack climbs toward.
        steps: Gradient steps toward each.
    """

    number = 16
    title = "other losses find nothing more"
    level = "standard"
    cost = 2.1
    targets: int = 3
    steps: int = 20

    def __call__(self, context: Context) -> Verdict:
        """WARN or FAIL if another loss breaks more."""
        classes = context.clean.logits.shape[1]
        own = loss_of(context.attack)
        losses = [loss for loss in ("ce", "margin", "dlr") if loss != own and (loss != "dlr" or classes > 2)]
        broken = {}
        if "loss" in settings(context.attack):
            for loss in losses:
                name = f"{context.attack_name} on {loss}"
                broken[loss] = context.attacked(name, vary(context.attack, loss=loss)).broken
        targeted = ATTACKS.build(
            "apgd", steps=self.steps, loss="dlr" if classes > 3 else "margin", targets=min(self.targets, classes - 1)
        )
        broken["targeted"] = context.attacked("targeted apgd", targeted).broken
        advice = "Report the minimum over losses, or attack with the loss that breaks most."
        return panel(self, context, broken, advice)
