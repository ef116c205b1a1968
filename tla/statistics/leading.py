"""Who is in front, said with care: nobody is named alone whom somebody else is too close to."""

from collections.abc import Mapping

import numpy as np

from tla.statistics.accuracy import WORST, at_eps, worst_case
from tla.statistics.frame import Frame
from tla.statistics.intervals import Interval, wilson
from tla.statistics.paired import paired_mean, right_tables


def leading(values: Mapping[str, Interval], *, largest: bool = True) -> list[str]:
    """The one with the largest value, and all others whose value lies within its interval; the largest first.

    Args:
        values: By name. Without bounds (nan) nothing is known to be apart; a value that is nan is left out.
        largest: Otherwise the smallest.
    """
    known = {name: value for name, value in values.items() if np.isfinite(value.value)}
    order = sorted(known, key=lambda name: known[name].value, reverse=largest)
    if not order:
        return []
    front = known[order[0]]
    bound = front.low if largest else front.high
    near = [name for name in order[1:] if not (known[name].value < bound if largest else known[name].value > bound)]
    return [order[0], *near]


def alone(values: Mapping[str, Interval], *, largest: bool = True) -> str | None:
    """The one in front if nobody else is within its interval, else None; see `leading`."""
    front = leading(values, largest=largest)
    return front[0] if len(front) == 1 else None


def accuracy_intervals(rows: Frame) -> dict[str, Interval]:
    """Accuracy of each method under one attack: over trainings and images, or over the images if there is one training.

    Args:
        rows: Columns method, seed, id, success.
    """
    names = [str(name) for name in rows["method"].unique()]
    found = {}
    for name, right in right_tables(rows, names).items():
        right = right[~np.isnan(right).all(axis=1)]
        right = right[:, ~np.isnan(right).any(axis=0)]
        if len(right) > 1:
            mean = paired_mean(right).both
            found[name] = Interval(mean.value, max(0.0, mean.low), min(1.0, mean.high))
        else:
            found[name] = wilson(float(right.sum()), right.size)
    return found


def training_spread(attacks: Frame, attack: str = WORST) -> float:
    """Standard deviation of a method's accuracy over its trainings, pooled over the methods; nan with one each.

    Args:
        attacks: The `attacks` table.
        attack: Under which attack, "clean", or "worst".
    """
    here = at_eps(attacks)
    rows = worst_case(here) if attack == WORST else here[here["attack"] == attack]
    shares = 1 - rows.assign(success=rows["success"].astype(float)).groupby(["method", "seed"])["success"].mean()
    groups = [part.to_numpy(float) for _, part in shares.groupby("method")]
    free = sum(len(part) - 1 for part in groups)
    return float(sum(np.square(part - part.mean()).sum() for part in groups) / free) ** 0.5 if free else float("nan")
