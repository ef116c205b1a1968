"""Intervals of shares and means: Wilson, Student, bootstrap."""

from typing import NamedTuple

import numpy as np
import pandas as pd

Z95 = 1.959963984540054
CHUNK = 2**22
FEW = 32
"""With so few distinct values it is enough to draw how often each one comes."""


class Interval(NamedTuple):
    """A value and the bounds of its 95 % interval; nan where it is not known."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        """As in a sentence: "0.730 (0.665 to 0.787)"."""
        return f"{self.value:.3f} ({self.low:.3f} to {self.high:.3f})"


UNKNOWN = Interval(float("nan"), float("nan"), float("nan"))


def wilson(hits: float | int, n: float | int) -> Interval:
    """A share and its 95 % score interval (Wilson 1927): never outside [0, 1], accurate near its ends too.

    Args:
        hits: How many of n, 0 <= hits <= n; a mean over several trainings need not be whole.
        n: How many in all; of none the share is nan, and anything from 0 to 1 is possible.

    Raises:
        ValueError: if hits is not between 0 and n.
    """
    if not 0 <= hits <= n:
        raise ValueError(f"hits must lie between 0 and n, got {hits} of {n}")
    if n == 0:
        return Interval(float("nan"), 0.0, 1.0)
    share, spread = hits / n, Z95**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = (share * (1 - share) * spread + spread**2 / 4) ** 0.5 / (1 + spread)
    low, high = max(0.0, float(centre - half)), min(1.0, float(centre + half))
    return Interval(float(share), min(low, share), max(high, share))


def interval_of_share(value: float, variance: float, least: float) -> Interval:
    """Wilson's interval of as many independent images as a share of this variance is worth; never empty.

    Args:
        value: The share, in [0, 1].
        variance: Of the share, >= 0.
        least: How many images count where the variance says nothing: it is 0, or the share is 0 or 1.
    """
    worth = value * (1 - value) / variance if 0 < value < 1 and variance > 0 else least
    return Interval(value, *wilson(value * worth, worth)[1:])


def student(value: float | int, variance: float | int, freedom: float | int) -> Interval:
    """Student's 95 % interval around a mean.

    Args:
        value: The mean.
        variance: Of the mean, >= 0.
        freedom: Degrees of freedom, > 0.
    """
    from scipy.special import stdtrit

    half = float(stdtrit(max(freedom, 1.0), 0.975)) * variance**0.5
    return Interval(float(value), value - half, value + half)


def student_p(value: float | int, variance: float | int, freedom: float | int) -> float:
    """Two-sided p-value of a true mean of 0: below 0.05 where `student` leaves out 0; see there for the arguments."""
    from scipy.special import stdtr

    if not variance > 0:
        return 1.0 if value == 0 else 0.0
    return 2 * float(stdtr(max(freedom, 1.0), -abs(value) / variance**0.5))


def median_interval(values: np.ndarray) -> Interval:
    """Median of the finite values and its 95 % interval from order statistics: exact for any distribution.

    Args:
        values: Any shape. With fewer than six values no order statistics are that sure: the bounds are the extremes.
    """
    from scipy.special import bdtr

    ordered = np.sort(np.asarray(values, dtype=np.float64)[np.isfinite(values)])
    n = len(ordered)
    if not n:
        return UNKNOWN
    tail = bdtr(np.arange(n // 2 + 1), n, 0.5)
    rank = max(0, int(np.searchsorted(tail, 0.025, side="right")) - 1)
    return Interval(float(np.median(ordered)), float(ordered[rank]), float(ordered[n - 1 - rank]))


def bootstrap_mean(values: np.ndarray, replicates: int = 400, *, of: np.ndarray | None = None) -> Interval:
    """Mean of the finite values and its 95 % bootstrap interval (percentiles; same data, same bounds).

    Args:
        values: Any shape.
        replicates: Bootstrap samples, >= 1.
        of: What each value belongs to (the image that several trainings judged, the query that neighbours are of), the
            same shape: that is what is drawn, with all its values, because they are not independent.
    """
    values = np.asarray(values, dtype=np.float64)
    there = np.isfinite(values)
    values, of = values[there], None if of is None else np.asarray(of)[there]
    if not len(values):
        return UNKNOWN
    rng, n = np.random.default_rng(0), len(values)
    _, places, sizes = np.unique(np.arange(n) if of is None else of, return_inverse=True, return_counts=True)
    distinct, counts = np.unique(values, return_counts=True)
    if sizes.max() > 1:
        drawn = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), replicates)
        means = (drawn @ np.bincount(places, values)) / (drawn @ sizes)
    elif len(distinct) <= FEW:
        means = rng.multinomial(n, counts / n, replicates) @ distinct / n
    else:
        means = np.array([values[rng.integers(0, n, n)].mean() for _ in range(replicates)])
    low, high = np.quantile(means, [0.025, 0.975])
    return Interval(float(values.mean()), float(low), float(high))


def mean_intervals(values: pd.DataFrame, *, draws: int = 1000, level: float = 0.95, seed: int = 0) -> pd.DataFrame:
    """Mean of every column with a percentile bootstrap over rows; NaN values do not count.

    Args:
        values: One row per image, one column per measure.
        draws: Bootstrap samples, >= 1.
        level: Coverage, in (0, 1).
        seed: Of the samples; all columns share them.

    Returns:
        One row per column, in order: measure, n (values that are numbers), mean, low, high.
    """
    data = values.to_numpy(np.float64)
    there = ~np.isnan(data)
    filled = np.where(there, data, 0.0)
    n, rng = len(data), np.random.default_rng(seed)
    means = np.empty((draws, data.shape[1]))
    step = max(1, CHUNK // max(1, n))
    for start in range(0, draws, step):
        some = min(step, draws - start)
        counts = np.zeros((some, n))
        if n:
            drawn = rng.integers(0, n, (some, n)) + n * np.arange(some)[:, None]
            counts = np.bincount(drawn.ravel(), minlength=some * n).reshape(some, n).astype(np.float64)
        with np.errstate(invalid="ignore"):
            means[start : start + some] = (counts @ filled) / (counts @ there)
    low, high = _quantiles(means, level)
    with np.errstate(invalid="ignore"):
        mean = filled.sum(0) / there.sum(0)
    columns = {"measure": list(values.columns), "n": there.sum(0), "mean": mean, "low": low, "high": high}
    return pd.DataFrame(columns)


def _quantiles(means: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Of each column over the draws that drew any number; NaN where none did."""
    low, high = np.full(means.shape[1], np.nan), np.full(means.shape[1], np.nan)
    for column, drawn in enumerate(means.T):
        numbers = drawn[~np.isnan(drawn)]
        if len(numbers):
            low[column], high[column] = np.quantile(numbers, [(1 - level) / 2, (1 + level) / 2])
    return low, high
