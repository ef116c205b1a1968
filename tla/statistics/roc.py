"""ROC curves of detection scores: area, what is caught at a fixed price, and how sure both are."""

from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from tla.statistics.intervals import UNKNOWN, Interval, interval_of_share

Negatives = Literal["clean", "adversarial"]
"""What a detector must let pass: clean images that are classified correctly (METHOD's choice), or adversarial ones that
are classified correctly all the same (harder)."""
DRAWS = 500
KEYS = ("method", "seed", "attack", "eps", "detector", "adaptive")
"""Columns of the `detection` table that say whose scores a row belongs to."""


class Sides(NamedTuple):
    """Scores, larger = more suspicious.

    Attributes:
        positive: Of what should be flagged, shape (p,).
        negative: Of what should pass, shape (n,).
    """

    positive: np.ndarray
    negative: np.ndarray


class Roc(NamedTuple):
    """An ROC curve, from (0, 0) to (1, 1); flagged is what scores at or above the threshold.

    Attributes:
        fpr: Share of negatives that are flagged, ascending, shape (t,).
        tpr: Share of positives that are flagged, shape (t,).
        threshold: Scores, descending, the first inf, shape (t,).
    """

    fpr: np.ndarray
    tpr: np.ndarray
    threshold: np.ndarray

    @property
    def bends(self) -> np.ndarray:
        """Indices of the points where the curve changes direction; the others lie on straight lines."""
        dx, dy = np.diff(self.fpr), np.diff(self.tpr)
        turns = np.abs(dx[1:] * dy[:-1] - dx[:-1] * dy[1:]) > 1e-15
        return np.concatenate([[0], np.flatnonzero(turns) + 1, [len(self.fpr) - 1]])

    def at_fpr(self, limit: float) -> int:
        """Index of the last threshold whose false positive rate is at most `limit`."""
        return int(np.searchsorted(self.fpr, limit + 1e-12, side="right") - 1)


def sides(frame: pd.DataFrame, negatives: Negatives = "clean", *, missing: Literal["raise", "drop"] = "raise") -> Sides:
    """The two sides of the detection question, from rows of the `detection` table (one model, attack and detector).

    Positive: adversarial and misclassified. Negative: see `Negatives`. All other rows are left out.

    Args:
        frame: Columns kind, y, prediction, score.
        negatives: Which correctly classified images must pass.
        missing: What to do with a score that is NaN; a figure drops it, a table must not have any.

    Raises:
        ValueError: for an unknown choice of negatives, or a score that is NaN.
    """
    if negatives not in ("clean", "adversarial"):
        raise ValueError(f"negatives must be 'clean' or 'adversarial', got {negatives!r}")
    score = frame["score"].to_numpy(np.float64)
    unknown = np.isnan(score)
    if missing == "raise" and unknown.any():
        raise ValueError(f"score must be a number, got NaN in {int(unknown.sum())} rows")
    right = frame["prediction"].to_numpy() == frame["y"].to_numpy()
    kind = frame["kind"]
    attacked = (kind == "adversarial").to_numpy(bool)
    positive, negative = attacked & ~right & ~unknown, (kind == negatives).to_numpy(bool) & right & ~unknown
    return Sides(score[positive], score[negative])


def roc_curve(scores: Sides) -> Roc:
    """The ROC curve, one point for every distinct score; NaN rates where a side is empty."""
    levels = np.unique(np.concatenate(scores))[::-1]
    with np.errstate(invalid="ignore"):
        tpr, fpr = (
            np.append(0, len(side) - np.searchsorted(np.sort(side), levels, "left")) / np.float64(len(side))
            for side in scores
        )
    return Roc(fpr, tpr, np.append(np.inf, levels))


def auc(scores: Sides) -> float:
    """The probability that a positive scores above a negative, ties counting half (Mann-Whitney); NaN without both."""
    above = _above(scores.positive, scores.negative)
    return float(above.mean()) if len(above) else float("nan")


def auc_interval(scores: Sides) -> Interval:
    """The AUC with a 95 % interval over images.

    DeLong's variance (DeLong et al. 1988) says how many independent images the AUC is worth as a share; Wilson's
    interval of so many keeps its coverage near 1 too, and is never empty: where the sides are apart without overlap,
    the smaller one counts. See `tests/statistics/test_roc.py` for how often it holds the truth.
    """
    positive, negative = _above(scores.positive, scores.negative), 1 - _above(scores.negative, scores.positive)
    if not len(positive) or not len(negative):
        return UNKNOWN
    least = float(min(len(positive), len(negative)))
    variance = sum(float(part.var(ddof=1)) / len(part) for part in (positive, negative)) if least > 1 else 0.0
    return interval_of_share(float(positive.mean()), variance, least)


def tpr_at_fpr(scores: Sides, fpr: float = 0.05) -> float:
    """The largest share of positives caught while at most `fpr` of the negatives are flagged; NaN without both."""
    if not len(scores.positive) or not len(scores.negative):
        return float("nan")
    curve = roc_curve(scores)
    return float(curve.tpr[curve.at_fpr(fpr)])


def tpr_interval(scores: Sides, fpr: float = 0.05) -> Interval:
    """`tpr_at_fpr` with a 95 % percentile bootstrap over images; positives and negatives are drawn separately."""
    if not len(scores.positive) or not len(scores.negative):
        return UNKNOWN
    low, high = (float(bound[0]) for bound in _bounds(scores, np.array([fpr])))
    value = tpr_at_fpr(scores, fpr)
    return Interval(value, min(low, value), max(high, value))


def roc_band(scores: Sides, points: int = 65) -> pd.DataFrame:
    """The curve on an even grid of false positive rates, with a pointwise 95 % bootstrap band.

    Args:
        scores: Both sides.
        points: Of the grid, >= 2.

    Returns:
        Columns fpr, tpr, low, high; no rows where a side is empty.
    """
    if not len(scores.positive) or not len(scores.negative):
        return pd.DataFrame({name: np.empty(0) for name in ("fpr", "tpr", "low", "high")})
    grid, curve = np.linspace(0, 1, points), roc_curve(scores)
    tpr = curve.tpr[np.searchsorted(curve.fpr, grid + 1e-12, "right") - 1]
    low, high = _bounds(scores, grid)
    return pd.DataFrame({"fpr": grid, "tpr": tpr, "low": np.minimum(low, tpr), "high": np.maximum(high, tpr)})


def auc_frame(detection: pd.DataFrame, negatives: Negatives = "clean", *, fpr: float = 0.05) -> pd.DataFrame:
    """AUC and TPR at a fixed FPR for every model, attack, eps and detector of the `detection` table.

    Returns:
        The grouping columns that are there (method, seed, attack, eps, detector, adaptive), then negatives, positives
        (how many), passes (how many negatives), auc, auc_low, auc_high, tpr, tpr_low, tpr_high.
    """
    keys = [key for key in KEYS if key in detection.columns]
    rows = []
    parts = detection.groupby(keys, sort=False, dropna=False) if keys else [((), detection)]
    for _, part in parts:
        scores = sides(part, negatives)
        area, caught = auc_interval(scores), tpr_interval(scores, fpr)
        rows.append((*(part[key].iloc[0] for key in keys), negatives, *map(len, scores), *area, *caught))
    names = [f"{name}{end}" for name in ("auc", "tpr") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*keys, "negatives", "positives", "passes", *names])


def _above(ours: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each of our scores the share of the others below it, ties counting half; empty where a side is."""
    if not len(ours) or not len(others):
        return np.empty(0)
    others = np.sort(others)
    below, upto = (np.searchsorted(others, ours, side) for side in ("left", "right"))
    return (below + upto) / (2 * len(others))


def _bounds(scores: Sides, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """2.5 % and 97.5 % quantiles of the bootstrapped true positive rate at each false positive rate."""
    positive, negative = (np.sort(side).tobytes() for side in scores)
    return bootstrap_bounds(positive, negative, grid.tobytes())


@lru_cache(maxsize=128)
def bootstrap_bounds(positive: bytes, negative: bytes, grid: bytes) -> tuple[np.ndarray, np.ndarray]:
    """The bounds of a band; the same scores are drawn from once, not with every redraw.

    The threshold of a replicate lies just above the k-th largest of n negatives drawn with replacement. Which of the n
    it is has a known distribution (an order statistic of n uniform numbers is a beta variable), and so has the number
    of positives above it (binomial): two draws stand for n + p.

    Args:
        positive: Sorted scores, float64.
        negative: Sorted scores, float64.
        grid: False positive rates, float64.

    Returns:
        Lower and upper true positive rates on the grid, read-only.
    """
    above, below, rates = (np.frombuffer(values, np.float64) for values in (positive, negative, grid))
    rng, n, p = np.random.default_rng(0), len(below), len(above)
    k = np.floor(rates * n + 1e-9).astype(int) + 1
    order = np.minimum(k, n)
    rank = np.minimum((rng.beta(order, n - order + 1, (DRAWS, len(k))) * n).astype(int), n - 1)
    passing = p - np.searchsorted(above, below[n - 1 - rank], "right")
    caught = np.where(k > n, p, rng.binomial(p, passing / p))
    low, high = np.quantile(caught / p, [0.025, 0.975], axis=0)
    for bound in (low, high):
        bound.flags.writeable = False
    return low, high
