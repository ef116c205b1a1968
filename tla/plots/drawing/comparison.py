"""What may be said about methods, in the same words in terminal, figures, report and dashboard."""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tla.plots.base import Frame
from tla.plots.drawing.theme import METHOD_ORDER
from tla.plots.drawing.words import percent
from tla.statistics.verdicts import HIGHER, LOWER, NOT_SHOWN, ONE_TRAINING, SEEDS, power

DECIDES = f"train more: --seeds {' '.join(map(str, range(SEEDS)))}"
"""What would decide between methods that were trained once."""
MAY_TURN = "another training of either may turn it round"
NO_VERDICT = f"One training each is no verdict about the methods: another may turn it round. To decide, {DECIDES}"
MEANING = {
    HIGHER: "higher, beyond chance",
    LOWER: "lower, beyond chance",
    NOT_SHOWN: "no difference shown",
    ONE_TRAINING: "one training: none",
}
"""Each verdict of `tla.statistics.verdicts` in a table."""


def no_verdict(methods: Iterable[str]) -> str:
    """What one network of each method says about them; of given networks alone, which no study trains, less.

    Args:
        methods: Names as in the tables, whose networks are compared.
    """
    if only_given(methods):
        return f"What is said holds for these networks, not for how they were made: {MAY_TURN}"
    return NO_VERDICT


def deciding(methods: Iterable[str]) -> str:
    """Why a difference between two networks may not last, and what would decide where the study can train them."""
    why = MAY_TURN.capitalize()
    return why if only_given(methods) else f"{why}; {DECIDES}"


def only_given(methods: Iterable[str]) -> bool:
    """True if none of the networks is by a training method."""
    return not any(name.partition("@")[0] in METHOD_ORDER for name in methods)


def traded(row: Any, one: str, base: str) -> str:
    """Two networks on the same images, in words about these two: who keeps what the other loses.

    Args:
        row: Of `tla.statistics.paired_differences`, one training.
        one: Label of its method.
        base: Label of the method it is compared with.
    """
    gained, lost = int(row["gained"]), int(row["lost"])
    if not gained and not lost:
        return f"this {one} and this {base} are right on the same images"
    return f"this {one} keeps {_images(gained)} that this {base} loses, and loses {lost} that it keeps"


def found(pairs: Frame, spread: float) -> str:
    """How verdicts over several trainings were reached, and how large a difference would have been found.

    Args:
        pairs: `tla.statistics.paired_differences` of several trainings.
        spread: `tla.statistics.training_spread` of the study, 0..1.
    """
    seeds, several = int(pairs["seeds"].min()), len(pairs)
    allows = f" (verdicts allow for {several} comparisons, Holm)" if several > 1 else ""
    share = percent(round(power(seeds, several), 2))
    size = f" (here {100 * 2 * spread:.1f} points)" if np.isfinite(spread) else ""
    return (
        f"With {seeds} trainings each{allows}, a true difference of twice the spread between trainings{size} is "
        f"found in about {share} of such studies; no difference shown does not mean equal."
    )


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"
