"""ROC curves with a bootstrap band, fast enough to be drawn while a slider moves."""

from functools import lru_cache
from typing import NamedTuple

import numpy as np

from tla.plots.summary import Interval

BINS = 100
GRID = np.linspace(0, 1, 65)
GRID.flags.writeable = False


class Roc(NamedTuple):
    """A receiver operating characteristic.

    Attributes:
        fpr: False positive rates of the exact curve, rising, one for each score that occurs.
        tpr: True positive rates at the same thresholds.
        threshold: Score at and above which an image is refused, falling, same length; inf first.
        grid: False positive rates of the band.
        low: Lower bound (2.5 %) of the true positive rate on the grid.
        high: Upper bound (97.5 %).
        auc: Area under the curve with its 95 % bootstrap interval.
        positives: Number of positive scores.
        negatives: Number of negative scores.
    """

    fpr: np.ndarray
    tpr: np.ndarray
    threshold: np.ndarray
    grid: np.ndarray
    low: np.ndarray
    high: np.ndarray
    auc: Interval
    positives: int
    negatives: int

    @property
    def bends(self) -> np.ndarray:
        """Indices of the points where the curve changes direction; the others lie on straight lines."""
        dx, dy = np.diff(self.fpr), np.diff(self.tpr)
        turns = np.abs(dx[1:] * dy[:-1] - dx[:-1] * dy[1:]) > 1e-15
        return np.concatenate([[0], np.flatnonzero(turns) + 1, [len(self.fpr) - 1]])

    def at_fpr(self, limit: float) -> int:
        """Index of the last threshold whose false positive rate is at most `limit`."""
        return int(np.searchsorted(self.fpr, limit + 1e-12, side="right") - 1)


def roc_curve(positive: np.ndarray, negative: np.ndarray, replicates: int = 200) -> Roc | None:
    """ROC of two samples of scores; larger means positive.

    The area is exact (ties count half). The band resamples images by the Poisson bootstrap on 100 quantile bins.

    Args:
        positive: Scores of the positives; non-finite ones are left out.
        negative: Scores of the negatives.
        replicates: Bootstrap replicates.

    Returns:
        None if one of the samples is empty.
    """
    positive, negative = (s[np.isfinite(s)].astype(np.float64) for s in (positive, negative))
    if not len(positive) or not len(negative):
        return None
    scores = np.concatenate([positive, negative])
    values, index = np.unique(scores, return_inverse=True)
    up = np.bincount(index[: len(positive)], minlength=len(values))[::-1]
    down = np.bincount(index[len(positive) :], minlength=len(values))[::-1]
    tpr = np.concatenate([[0.0], np.cumsum(up) / len(positive)])
    fpr = np.concatenate([[0.0], np.cumsum(down) / len(negative)])
    area = float(np.sum(np.diff(fpr) * (tpr[1:] + tpr[:-1]) / 2))
    low, high, bounds = bootstrap_band(*_binned(up, down), replicates)
    threshold = np.concatenate([[np.inf], values[::-1]])
    auc = Interval(area, *bounds)
    return Roc(fpr, tpr, threshold, GRID, low, high, auc, len(positive), len(negative))


def _binned(up: np.ndarray, down: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Positives and negatives in at most `BINS` bins of about as many scores each, from the largest scores on."""
    total = np.cumsum(up + down)
    edges = np.searchsorted(total, np.linspace(0, total[-1], BINS + 1)[1:-1], side="left") + 1
    starts = np.unique(np.concatenate([[0], edges[edges < len(up)]]))
    return tuple(np.add.reduceat(up, starts).tolist()), tuple(np.add.reduceat(down, starts).tolist())


@lru_cache(maxsize=128)
def bootstrap_band(
    up: tuple[int, ...], down: tuple[int, ...], replicates: int
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    """95 % bounds of a ROC curve and of its area; the same counts are drawn from once, not with every redraw.

    Args:
        up: Positives in each bin of scores, from the largest scores on.
        down: Negatives in the same bins.
        replicates: Bootstrap replicates.

    Returns:
        Lower and upper true positive rates on `GRID`, read-only, and both bounds of the area.
    """
    rng = np.random.default_rng(0)
    rates = []
    for counts in (up, down):
        drawn = rng.poisson(counts, (replicates, len(counts))).astype(np.float64)
        summed = np.concatenate([np.zeros((replicates, 1)), np.cumsum(drawn, axis=1)], axis=1)
        rates.append(summed / np.maximum(summed[:, -1:], 1))
    tpr, fpr = rates
    areas = np.sum(np.diff(fpr, axis=1) * (tpr[:, 1:] + tpr[:, :-1]) / 2, axis=1)
    curves = np.stack([np.interp(GRID, fpr[i], tpr[i]) for i in range(replicates)])
    low, high = np.quantile(curves, [0.025, 0.975], axis=0)
    for bound in (low, high):
        bound.flags.writeable = False
    bounds = np.quantile(areas, [0.025, 0.975])
    return low, high, (float(bounds[0]), float(bounds[1]))
