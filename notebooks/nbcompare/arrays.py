"""Arrays of numbers in Plotly's two forms: lists, or bytes in base64."""

import base64
from typing import Any

import numpy as np

from nbcompare.difference import Difference

RTOL = 1e-4
SILENT = 1e-5
# So that float32 rounding does not decide about a difference of exactly RTOL.
STRICT = 1 - 1e-3


def as_array(value: Any) -> np.ndarray | None:
    """A JSON value as an array of numbers, or None if it is not one.

    Args:
        value: A list of numbers (None is NaN), nested or not, or Plotly's {"dtype", "bdata", "shape"}.
    """
    if isinstance(value, dict) and {"dtype", "bdata"} <= value.keys():
        flat = np.frombuffer(base64.b64decode(value["bdata"]), dtype=value["dtype"])
        return flat.reshape([int(n) for n in str(value["shape"]).split(",")]) if "shape" in value else flat
    if isinstance(value, list) and value and _numeric(value):
        try:
            array = np.array(value)
            return array.astype(np.float64) if array.dtype == object else array
        except (ValueError, TypeError):  # rows of different lengths: compared row by row
            return None
    return None


def compare_arrays(stored: np.ndarray, shown: np.ndarray) -> list[Difference]:
    """Compare numbers: integers exactly, others to a relative 1e-4.

    Near zero a relative bound is meaningless: for numbers below a tenth of the array's largest, the error is relative
    to that tenth. Errors of 1e-5 of the largest number or more are pointed out.

    Args:
        stored: From the notebook, any shape.
        shown: The new values.
    """
    if stored.shape != shown.shape:
        return [Difference("", f"stored shape {stored.shape}, got {shown.shape}", True)]
    whole = all(array.dtype.kind in "iub" for array in (stored, shown))
    old, new = stored.astype(np.float64), shown.astype(np.float64)
    scale = _scale(old)
    with np.errstate(invalid="ignore"):
        gap = np.abs(new - old)
        excess = gap / np.maximum(np.abs(old), scale / 10).clip(np.finfo(np.float64).tiny)
    gap[(old == new) | (np.isnan(old) & np.isnan(new))] = 0
    gap[np.isnan(gap)] = np.inf
    excess[gap == 0] = 0
    excess[np.isinf(gap)] = np.inf
    fatal = gap > 0 if whole else excess >= RTOL * STRICT
    noted = fatal | (gap > SILENT * STRICT * scale)
    if not noted.any():
        return []
    worst = np.unravel_index(int(excess.argmax()), old.shape)
    place = ", ".join(map(str, worst))
    values = f"stored {old[worst]:.7g}, got {new[worst]:.7g}"
    what = f"{int(noted.sum())} of {old.size} numbers differ, most at [{place}]: {values}"
    return [Difference("", what, bool(fatal.any()))]


def _scale(values: np.ndarray) -> float:
    finite = np.abs(values[np.isfinite(values)])
    return float(finite.max()) if finite.size else 0.0


def _numeric(value: Any) -> bool:
    if isinstance(value, list):
        return all(_numeric(item) for item in value)
    return value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
