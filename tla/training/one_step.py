"""One-step training can collapse within an epoch: from then on it resists its own attack and no other."""

from collections.abc import Mapping, Sequence
from typing import Any

from tla.attacks.search.loop import one_step
from tla.training.config import TrainConfig
from tla.training.methods import Method
from tla.training.validation import Validation

LEAST_ROBUST = 0.15
"""Robust accuracy below which a fall says nothing: of ten classes, chance alone gives 0.1."""
FALL = 0.5
"""A collapse leaves less than this share of the best robust accuracy so far; seen were 41 % to below 1 %."""


def is_watched(method: Method, config: TrainConfig) -> bool:
    """True if a run trains on attacks of a single step, so that its robust accuracy is looked at after every epoch.

    Args:
        method: Training method.
        config: Whose attack it trains on, and how many images are held out: without any, nothing can be watched.
    """
    needs = method.requirements()
    return needs.attacked and config.holdout > 0 and (needs.one_step or one_step(config.attack))


def collapsed_from(history: Sequence[Mapping[str, Any]], now: Validation) -> Mapping[str, Any] | None:
    """The best epoch so far, if robust accuracy has since fallen further than clean accuracy explains; else None.

    A network that loses both, as after too large a learning rate, has not collapsed in this sense.

    Args:
        history: A row for each earlier epoch.
        now: Of this epoch.
    """
    known = [row for row in history if row["robust_accuracy"] > LEAST_ROBUST]
    if not known:
        return None
    best = max(known, key=lambda row: row["robust_accuracy"])
    clean = min(1.0, now.clean_accuracy / max(best["clean_accuracy"], 1e-9))
    return best if now.robust_accuracy < FALL * clean * best["robust_accuracy"] else None
