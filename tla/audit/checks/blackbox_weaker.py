"""Does an attack without gradients find what the white box missed?"""

from dataclasses import dataclass

import torch

from tla.attacks import ATTACKS
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.compare import compare, verdict, weaker_rule
from tla.audit.context import Context
from tla.audit.transfer import THIS, matrix
from tla.audit.variants import CannotRunError


@CHECKS.register("blackbox_weaker")
@dataclass(frozen=True, kw_only=True)
class BlackboxWeaker(Check):
    """Square and transfer break nothing that the attack missed.

    Square (Andriushchenko et al. 2020) searches at random without gradients; transferred images come from the other
    models given. FAIL: more than 1 % of the images, with 95 % confidence, are broken by them and not by the attack.
    What cannot run is named. Sources: Papernot et al. 2017; Athalye et al. 2018; Carlini et al. 2019.

    Args:
        queries: Forward passes per image that Square may take.
    """

    number = 19
    title = "black box finds nothing more"
    level = "standard"
    cost = 2.2
    queries: int = 500

    def __call__(self, context: Context) -> Verdict:
        """FAIL if an attack without gradients breaks what the attack missed."""
        broken, missing = {}, []
        try:
            broken["square"] = context.attacked("square", ATTACKS.build("square", queries=self.queries)).broken
        except (ModuleNotFoundError, ValueError, CannotRunError) as error:
            missing.append(f"Square did not run ({error})")
        try:
            fooled = matrix(context)
            transferred = [mask for (source, target), mask in fooled.items() if target == THIS and source != THIS]
            broken["transfer"] = torch.stack(transferred).any(0)
        except CannotRunError as error:
            missing.append(f"transfer did not run ({error})")
        if not broken:
            raise CannotRunError("; ".join(missing))
        comparison = compare(torch.stack(list(broken.values())).any(0), context.run.broken)
        advice = "The gradient misleads the attack: report the minimum over both, and look at zero_gradient."
        result = verdict(self, context, weaker_rule(comparison), " and ".join(broken), comparison, advice)
        return result if not missing else result.adding("; ".join(missing))
