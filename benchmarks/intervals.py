"""How often the intervals of `tla.statistics` hold the truth: python benchmarks/intervals.py [STUDIES].

Scores of a known AUC are drawn, and its interval is compared with the percentile bootstrap and DeLong's own interval.
"""

import sys

import numpy as np
from scipy.special import ndtri

from tla.statistics import Interval, Sides, auc, auc_interval
from tla.statistics.intervals import Z95

SETTINGS = [(0.6, 60, 400), (0.9, 60, 400), (0.9, 500, 500), (0.98, 60, 400), (0.98, 500, 500), (0.98, 10, 10)]
DRAWS = 300


def scores(rng: np.random.Generator, kind: str, area: float, positives: int, negatives: int) -> Sides:
    """Two normals, or two exponentials, of this AUC."""
    if kind == "normal":
        return Sides(rng.normal(2**0.5 * ndtri(area), 1, positives), rng.normal(0, 1, negatives))
    return Sides(rng.exponential(area / (1 - area), positives), rng.exponential(1, negatives))


def bootstrap(rng: np.random.Generator, sides: Sides) -> Interval:
    """The percentile bootstrap over images."""
    drawn = [auc(Sides(*(side[rng.integers(0, len(side), len(side))] for side in sides))) for _ in range(DRAWS)]
    return Interval(auc(sides), *np.quantile(drawn, [0.025, 0.975]).tolist())


def delong(sides: Sides) -> Interval:
    """DeLong's variance and the normal quantile."""
    parts = [np.array([auc(Sides(np.array([one]), sides.negative)) for one in sides.positive])]
    parts.append(np.array([auc(Sides(sides.positive, np.array([one]))) for one in sides.negative]))
    value, half = auc(sides), Z95 * sum(part.var(ddof=1) / len(part) for part in parts) ** 0.5
    return Interval(value, max(0.0, value - half), min(1.0, value + half))


def main(studies: int) -> None:
    """Print a row per setting: share of intervals that hold the truth, and their mean width."""
    least = 1.0
    print(f"{'scores':<12}{'AUC':>6}{'sides':>10}   {'ours':>14}{'bootstrap':>16}{'DeLong':>16}")
    for kind in ("normal", "exponential"):
        for area, positives, negatives in SETTINGS:
            rng = np.random.default_rng(0)
            found = {"ours": [], "bootstrap": [], "DeLong": []}
            for _ in range(studies):
                sides = scores(rng, kind, area, positives, negatives)
                found["ours"].append(auc_interval(sides))
                found["bootstrap"].append(bootstrap(rng, sides))
                found["DeLong"].append(delong(sides))
            held = {name: np.mean([i.low <= area <= i.high for i in all_]) for name, all_ in found.items()}
            width = {name: np.mean([i.high - i.low for i in all_]) for name, all_ in found.items()}
            cells = "".join(f"{100 * held[name]:>8.1f} %{width[name]:>6.3f}" for name in found)
            print(f"{kind:<12}{area:>6}{positives:>5}/{negatives:<5}{cells}")
            least = min(least, held["ours"])
    print(f"least_coverage={least:.3f} studies={studies}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 400)
