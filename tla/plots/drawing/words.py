"""Numbers as text: shares, signs, the range in a title."""

import numpy as np

from tla.plots.drawing.theme import DASH


def spread(values: dict[str, float], labels: dict[str, str]) -> str:
    """The range of values as a phrase for a title, "from 4 % (TLA) to 96 % (Natural)".

    Args:
        values: Share in 0..1 for each method; nan is left out.
        labels: Label of each method.
    """
    known = {name: value for name, value in values.items() if np.isfinite(value)}
    if not known:
        return "nothing measured"
    low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    if len(known) == 1 or percent(known[low]) == percent(known[high]):
        return f"{percent(known[low])} for {'every model' if len(known) > 1 else labels[low]}"
    return f"from {percent(known[low])} ({labels[low]}) to {percent(known[high])} ({labels[high]})"


def percent(share: float, digits: int = 0) -> str:
    """A share as text: 0.953 -> "95 %"; a dash if it is not finite."""
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else DASH


def signed(value: float | int, digits: int = 1) -> str:
    """A number with its sign as text, with a true minus: -2.51 -> "\u22122.5"."""
    return f"{value:+.{digits}f}".replace("-", "\u2212")


def number(value: float | int, digits: int = 4) -> str:
    """A number as text with `digits` significant digits; a dash if it is not finite."""
    return f"{value:.{digits}g}" if np.isfinite(value) else DASH
