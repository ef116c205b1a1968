"""Numbers as text: shares, signs, the range in a title."""

import re
from collections.abc import Callable, Mapping

import numpy as np

from tla.plots.drawing.theme import DASH
from tla.statistics.intervals import Interval
from tla.statistics.leading import alone


def spread(values: Mapping[str, Interval | float], labels: Mapping[str, str]) -> str:
    """The range of values as a phrase for a title, "from 4 % (TLA) to 96 % (Natural)".

    An end is named only if nobody else is within its interval; a plain number has none, so that nobody is named.

    Args:
        values: Share in 0..1 for each method, with its interval; nan is left out.
        labels: Label of each method.
    """
    return ends(values, labels, percent)


def ends(
    values: Mapping[str, Interval | float], labels: Mapping[str, str], text: Callable[[float], str], start: str = "from"
) -> str:
    """The smallest and the largest value as a phrase; see `spread`.

    Args:
        values: For each method.
        labels: Label of each method.
        text: Writes a value.
        start: First word.
    """
    known = {name: _interval(value) for name, value in values.items()}
    known = {name: value for name, value in known.items() if np.isfinite(value.value)}
    if not known:
        return "nothing measured"
    numbers = [value.value for value in known.values()]
    low, high = text(min(numbers)), text(max(numbers))
    if len(known) == 1 or low == high:
        return f"{low} ({'every model' if len(known) > 1 else labels[next(iter(known))]})"
    named = [alone(known, largest=largest) for largest in (False, True)]
    low, high = (f"{end} ({labels[name]})" if name else end for end, name in zip((low, high), named, strict=True))
    return f"{start} {low} to {high}"


def _interval(value: Interval | float) -> Interval:
    return value if isinstance(value, Interval) else Interval(float(value), float("nan"), float("nan"))


def misclassified(attacked: float, clean: float) -> str:
    """How many are misclassified: "58 % misclassified (clean: 33 %)".

    Args:
        attacked: Share in 0..1 of the attacked images.
        clean: Share of the same images before the attack; nan if it is not known.
    """
    before = "" if np.isnan(clean) else f" (clean: {percent(clean)})"
    return f"{percent(attacked)} misclassified{before}"


def degrees(angle: float) -> str:
    """An angle in whole degrees; below one with a decimal, so that what moves does not seem to stand still."""
    return f"{angle:.{1 if abs(angle) < 1 else 0}f}°"


def trainings(seeds: int) -> str:
    """How many trainings stand behind each number: "one training each", "mean of 3 trainings"."""
    return f"mean of {seeds} trainings" if seeds > 1 else "one training each"


COUNTED = re.compile(
    r"(?<![\d.,\u2212-])1 ((?:test |clean |adversarial |training |other |recorded ){0,2})"
    r"(image|quer|item|pass|step)(ie)?(e?s)\b"
)


def singular(text: str) -> str:
    """A text in which one thing is one: "1 test images" -> "1 test image"."""
    return COUNTED.sub(lambda found: f"1 {found[1]}{found[2]}{'y' if found[3] else ''}", text)


def percent(share: float, digits: int = 0) -> str:
    """A share as text: 0.953 -> "95 %"; a dash if it is not finite."""
    return f"{100 * share:.{digits}f} %" if np.isfinite(share) else DASH


def signed(value: float | int, digits: int = 1) -> str:
    """A number with its sign as text, with a true minus: -2.51 -> "\u22122.5"."""
    return f"{value:+.{digits}f}".replace("-", "\u2212")


def number(value: float | int, digits: int = 4) -> str:
    """A number as text with `digits` significant digits; a dash if it is not finite."""
    return f"{value:.{digits}g}" if np.isfinite(value) else DASH
