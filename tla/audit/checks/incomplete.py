"""Was the attack stopped while it was still making progress?"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from tla.attacks import Trajectory
from tla.audit.base import CHECKS, Check, Verdict
from tla.audit.context import Context
from tla.audit.variants import CannotRunError
from tla.statistics.exact import exceeds


class Climb(NamedTuple):
    """Progress of an attack's first search.

    Attributes:
        late: True if the image was first fooled in the second half of the steps, shape (n,).
        share: Share of the loss's whole rise in the last quarter of the steps, over survivors whose loss rose,
            shape (s,).
        steps: Number of steps.
    """

    late: Tensor
    share: Tensor
    steps: int


@CHECKS.register("incomplete")
@dataclass(frozen=True, kw_only=True)
class Incomplete(Check):
    """The loss has stopped rising, and the second half of the steps fools no further image.

    From the recorded first search. FAIL: a single step; or, over the survivors (ten or more), the median share of the
    best loss's whole rise that falls into the last quarter of the steps exceeds `share`: a climb at constant speed has
    1/4, one that halves its speed each quarter 1/15; or the second half of the steps first fooled more than `late` of
    all images, with 95 % confidence. OK where no image is left: no number of steps lowers an accuracy of 0. Source:
    Pintor et al. 2022, indicator "incomplete optimisation"; Carlini et al. 2019 ("attack until converged").

    Args:
        share: Largest median share of the rise in the last quarter.
        late: Largest share of images first fooled in the second half.
    """

    number = 9
    title = "incomplete"
    level = "quick"
    share: float = 0.125
    late: float = 0.02

    def __call__(self, context: Context) -> Verdict:
        """FAIL if more steps would still help."""
        if context.run.trajectory is None:
            raise CannotRunError(f"{context.run.name} does not report its steps")
        climb = measure(context.run.trajectory, context.survivors & context.correct)
        late = climb.late & context.correct
        if not (context.survivors & context.correct).any():
            evidence = f"no image survives {context.run.name}: more steps cannot lower an accuracy of 0"
            return self.say(context, "OK", evidence, "")
        if climb.steps < 2:
            evidence = f"{context.run.name} takes {climb.steps} step: nothing shows that it converged"
            return self.say(context, "FAIL", evidence, "Use an attack of many steps.")
        many, median = len(climb.share) >= 10, float(climb.share.median()) if len(climb.share) else 0.0
        evidence = (
            f"steps {climb.steps // 2 + 1} to {climb.steps} first fooled {int(late.sum())} of {context.n} images; "
            f"the last quarter brought {median:.1%} of the loss's rise (median of {len(climb.share)} survivors)"
        )
        failed = (many and median > self.share) or exceeds(int(late.sum()), context.n, self.late)
        advice = "Take more or longer steps until neither number changes."
        return self.say(context, "FAIL" if failed else "OK", evidence, advice, late)


def measure(track: Trajectory, survivors: Tensor) -> Climb:
    """How the first restart of a recorded attack climbed.

    Args:
        track: The trajectory.
        survivors: True for images that the attack did not break, shape (n,).
    """
    n, first = len(survivors), track.restart == 0
    row, step, value, success = track.row[first], track.step[first], track.value[first].float(), track.success[first]
    steps = int(step.max())
    table = torch.full((steps + 1, n), -torch.inf, device=value.device)
    table[step, row] = value
    when = torch.full((n,), steps + 1, device=row.device)
    when = when.scatter_reduce(0, row[success], step[success], "amin")
    best = table[:, survivors].cummax(0).values
    rise = best[-1] - best[0]
    quarter = best[-1] - best[steps - max(1, round(steps / 4))]
    moved = (rise > 0) & torch.isfinite(rise)
    return Climb((when > steps // 2) & (when <= steps), quarter[moved] / rise[moved], steps)
