"""Rows and indices that figures select from a table."""

import numpy as np

from tla.plots.base import Frame
from tla.statistics.intervals import Interval, wilson


def first_seed(frame: Frame, seed: int | None = None) -> Frame:
    """Rows of one seed, by default the smallest: maps and picture rows show one model per method."""
    if frame.empty or "seed" not in frame:
        return frame
    return frame[frame["seed"] == (frame["seed"].min() if seed is None else seed)]


def share(hits: np.ndarray) -> float:
    """Share of a mask that is true; nan for an empty mask."""
    return float(np.count_nonzero(hits) / len(hits)) if len(hits) else float("nan")


def counted(hits: np.ndarray) -> Interval:
    """Share of a mask that is true with its 95 % interval (Wilson); nan for an empty mask."""
    return wilson(int(np.count_nonzero(hits)), len(hits))


def evenly(n: int, most: int) -> np.ndarray:
    """At most `most` evenly spaced indices below `n`, ascending."""
    return np.arange(n) if n <= most else np.linspace(0, n - 1, most).astype(int)
