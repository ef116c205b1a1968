"""Rows and positions that figures pick from a table."""

import numpy as np

from tla.plots.base import Frame


def first_seed(frame: Frame, seed: int | None = None) -> Frame:
    """Rows of one seed: the given or the smallest, as maps and picture rows show one model of each method."""
    if frame.empty or "seed" not in frame:
        return frame
    return frame[frame["seed"] == (frame["seed"].min() if seed is None else seed)]


def share(hits: np.ndarray) -> float:
    """Share of a mask that is true; nan of nothing."""
    return float(np.count_nonzero(hits) / len(hits)) if len(hits) else float("nan")


def evenly(n: int, most: int) -> np.ndarray:
    """Indices of at most `most` of `n` things, evenly picked, rising."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)
