"""Bootstrap intervals of means over images."""

import numpy as np
import pandas as pd

CHUNK = 2**22


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
