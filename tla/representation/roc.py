"""ROC curves of the detection table: area with an interval, a band, and what is caught at a fixed price. No torch."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

Negatives = Literal["clean", "adversarial"]
"""What a detector must let pass: clean images that are classified correctly (METHOD's choice), or adversarial ones that
are classified correctly all the same (harder)."""


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


class Interval(NamedTuple):
    """A value with its bootstrap interval."""

    value: float
    low: float
    high: float


class Sides(NamedTuple):
    """Scores of what should be flagged, and of what should pass."""

    positive: np.ndarray
    negative: np.ndarray


def sides(frame: pd.DataFrame, negatives: Negatives = "clean") -> Sides:
    """The two sides of the detection question, from rows of the `detection` table (one model, attack and detector).

    Positive: adversarial and misclassified. Negative: see `Negatives`. All other rows are left out.

    Raises:
        ValueError: for an unknown choice of negatives, or a score that is NaN.
    """
    if negatives not in ("clean", "adversarial"):
        raise ValueError(f"negatives must be 'clean' or 'adversarial', got {negatives!r}")
    missing = int(np.isnan(frame["score"].to_numpy(np.float64)).sum())
    if missing:
        raise ValueError(f"score must be a number, got NaN in {missing} rows")
    right = frame["prediction"] == frame["y"]
    attacked = frame["kind"] == "adversarial"
    return Sides(
        np.asarray(frame.loc[attacked & ~right, "score"], np.float64),
        np.asarray(frame.loc[right & (frame["kind"] == negatives), "score"], np.float64),
    )


class Tally(NamedTuple):
    """How many of each side have each distinct score, from the highest score down, shape (t,) each."""

    positive: np.ndarray
    negative: np.ndarray


def roc_curve(scores: Sides) -> Roc:
    """The ROC curve, one point for every distinct score; NaN rates where a side is empty."""
    levels = np.unique(np.concatenate(scores))[::-1]
    rates = _rates(_tally(_codes(scores)))
    return Roc(rates.negative, rates.positive, np.append(np.inf, levels))


def auc(scores: Sides) -> float:
    """The probability that a positive scores above a negative, ties counting half (Mann-Whitney); NaN without both."""
    return _area(_tally(_codes(scores)))


def tpr_at_fpr(scores: Sides, fpr: float = 0.05) -> float:
    """The largest share of positives caught while at most `fpr` of the negatives are flagged; NaN without both."""
    return _caught(_tally(_codes(scores)), fpr)


def auc_interval(scores: Sides, *, draws: int = 500, level: float = 0.95, seed: int = 0) -> Interval:
    """The AUC with a percentile bootstrap over images; positives and negatives are drawn separately."""
    return _interval(auc(scores), [_area(tally) for tally in _draws(scores, draws, seed)], level)


def tpr_interval(scores: Sides, fpr: float = 0.05, *, draws: int = 500, level: float = 0.95, seed: int = 0) -> Interval:
    """`tpr_at_fpr` with a percentile bootstrap over images."""
    return _interval(tpr_at_fpr(scores, fpr), [_caught(tally, fpr) for tally in _draws(scores, draws, seed)], level)


def roc_band(scores: Sides, *, points: int = 101, draws: int = 200, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """The curve on an even grid of false positive rates, with a pointwise bootstrap band.

    Returns:
        Columns fpr, tpr, low, high; no rows where a side is empty.
    """
    if not len(scores.positive) or not len(scores.negative):
        return pd.DataFrame({name: np.empty(0) for name in ("fpr", "tpr", "low", "high")})
    grid = np.linspace(0, 1, points)
    curves = np.stack([_on_grid(tally, grid) for tally in _draws(scores, draws, seed)])
    low, high = np.quantile(curves, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return pd.DataFrame({"fpr": grid, "tpr": _on_grid(_tally(_codes(scores)), grid), "low": low, "high": high})


def auc_frame(
    detection: pd.DataFrame, negatives: Negatives = "clean", *, fpr: float = 0.05, draws: int = 500, seed: int = 0
) -> pd.DataFrame:
    """AUC and TPR at a fixed FPR for every model, attack, eps and detector of the `detection` table.

    Returns:
        The grouping columns that are there (method, seed, attack, eps, detector, adaptive), then negatives, positives
        (how many), passes (how many negatives), auc, auc_low, auc_high, tpr, tpr_low, tpr_high.
    """
    keys = [key for key in ("method", "seed", "attack", "eps", "detector", "adaptive") if key in detection.columns]
    rows = []
    parts = detection.groupby(keys, sort=False, dropna=False) if keys else [((), detection)]
    for _, part in parts:
        scores = sides(part, negatives)
        area = auc_interval(scores, draws=draws, seed=seed)
        caught = tpr_interval(scores, fpr, draws=draws, seed=seed)
        rows.append((*(part[key].iloc[0] for key in keys), negatives, *map(len, scores), *area, *caught))
    names = [f"{name}{end}" for name in ("auc", "tpr") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=[*keys, "negatives", "positives", "passes", *names])


def _codes(scores: Sides) -> Sides:
    """Each score as its rank among the distinct ones, 0 for the highest."""
    codes = np.unique(-np.concatenate(scores), return_inverse=True)[1]
    return Sides(codes[: len(scores.positive)], codes[len(scores.positive) :])


def _tally(codes: Sides, levels: int = 0) -> Tally:
    levels = levels or max((int(side.max()) + 1 for side in codes if len(side)), default=0)
    return Tally(*(np.bincount(side, minlength=levels) for side in codes))


def _rates(tally: Tally) -> Tally:
    """Shares at or above each score, with a first point (0, 0)."""
    with np.errstate(invalid="ignore"):
        return Tally(*(np.append(0, side.cumsum()) / np.float64(side.sum()) for side in tally))


def _area(tally: Tally) -> float:
    pairs = float(tally.positive.sum()) * float(tally.negative.sum())
    below = tally.negative.sum() - tally.negative.cumsum()
    return float((tally.positive * (below + tally.negative / 2)).sum() / pairs) if pairs else float("nan")


def _caught(tally: Tally, fpr: float) -> float:
    rates = _rates(tally)
    if not tally.positive.sum() or not tally.negative.sum():
        return float("nan")
    return float(rates.positive[rates.negative <= fpr + 1e-12][-1])


def _on_grid(tally: Tally, grid: np.ndarray) -> np.ndarray:
    rates = _rates(tally)
    return rates.positive[np.searchsorted(rates.negative, grid + 1e-12, "right") - 1]


def _draws(scores: Sides, draws: int, seed: int) -> Iterator[Tally]:
    if not len(scores.positive) or not len(scores.negative):
        return
    codes = _codes(scores)
    levels = len(_tally(codes).positive)
    rng = np.random.default_rng(seed)
    for _ in range(draws):
        yield _tally(Sides(*(side[rng.integers(0, len(side), len(side))] for side in codes)), levels)


def _interval(value: float, values: list[float], level: float) -> Interval:
    if not values:
        return Interval(value, float("nan"), float("nan"))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(value, float(low), float(high))
