"""Learning rate and attack radius as pure functions of the step, with no state to save."""

import math

from tla.training.config import TrainConfig


def learning_rate(config: TrainConfig, step: int, steps: int) -> float:
    """The learning rate of one step.

    Args:
        config: Schedule, warm-up and peak rate.
        step: Index of the step, from 0.
        steps: Number of steps of the run.
    """
    at = (step + 0.5) / steps
    if at < config.warmup:
        return config.learning_rate * at / config.warmup
    left = (1 - at) / (1 - config.warmup)
    if config.schedule == "cosine":
        return config.learning_rate * 0.5 * (1 - math.cos(math.pi * left))
    if config.schedule == "onecycle":
        return config.learning_rate * left
    if config.schedule == "step":
        return config.learning_rate * (1.0 if at < 0.5 else 0.1 if at < 0.75 else 0.01)
    return config.learning_rate


def radius(config: TrainConfig, step: int, steps: int) -> float:
    """The attack radius of one step, in pixel units; see `learning_rate` for the arguments."""
    at = (step + 0.5) / steps
    return config.eps * min(1.0, at / config.eps_warmup) if config.eps_warmup else config.eps
