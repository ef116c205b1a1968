"""Verdicts about methods, which only several trainings allow: what was found, and what could have been."""

import math
from collections.abc import Sequence

LEVEL = 0.05
"""At most this share of studies of equal methods gets any verdict but "not shown"."""
HIGHER, LOWER, NOT_SHOWN, ONE_TRAINING = "higher", "lower", "not shown", "one training"
SEEDS = 5
"""How many trainings are advised: enough to find a difference of twice their spread in three of four studies."""


def adjusted(p: Sequence[float]) -> list[float]:
    """p-values that allow for their number (Holm 1979): the smallest times n, the next times n - 1, and so on.

    Args:
        p: One per comparison; nan, of one training, stays nan and is not counted.
    """
    known = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    found, least = [math.nan] * len(p), 0.0
    for rank, (value, place) in enumerate(known):
        least = max(least, min(1.0, value * (len(known) - rank)))
        found[place] = least
    return found


def verdicts(differences: Sequence[float], p: Sequence[float]) -> list[str]:
    """What a study shows about each difference between methods.

    Args:
        differences: Any unit; larger means higher.
        p: Their p-values, `adjusted`; nan for one training each.

    Returns:
        "higher" or "lower" where p <= 0.05, else "not shown", which does not mean equal; "one training" where there
        is only one, which shows nothing about methods.
    """
    found = []
    for value, chance in zip(differences, p, strict=True):
        if math.isnan(chance):
            found.append(ONE_TRAINING)
        else:
            found.append(NOT_SHOWN if chance > LEVEL else HIGHER if value > 0 else LOWER)
    return found


def power(seeds: int, comparisons: int = 1, spreads: float | int = 2.0) -> float:
    """The share of studies that would find a true difference between two methods.

    Student's t of two groups of trainings with equal spread; `tests/statistics/test_verdicts.py` compares it with
    simulated studies. The spread over the images comes on top and makes it a little smaller.

    Args:
        seeds: Trainings of each method, >= 1.
        comparisons: How many pairs of methods the study compares, >= 1.
        spreads: The difference, in standard deviations of a method's accuracy over its trainings.
    """
    from scipy.special import nctdtr, stdtrit

    if seeds < 2:
        return 0.0
    freedom, shift = 2 * (seeds - 1), spreads * (seeds / 2) ** 0.5
    limit = float(stdtrit(freedom, 1 - LEVEL / (2 * max(comparisons, 1))))
    return float(1 - nctdtr(freedom, shift, limit) + nctdtr(freedom, shift, -limit))
