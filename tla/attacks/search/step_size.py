"""Lengths of steps: a number in pixel units, or a text, "eps/4", which is a share of the radius and changes with it."""

import dataclasses
import re
from fractions import Fraction
from functools import lru_cache

import torch
from torch import Tensor

from tla.attacks.base import Attack

StepSize = float | str


class ShortAttackWarning(UserWarning):
    """An attack in an evaluation cannot reach the border of the ball, so that its accuracy says little."""


NUMBER = r"\d+(?:\.\d*)?|\.\d+"
SHARE = re.compile(rf"(?:({NUMBER})\s*\*?\s*)?eps(?:\s*\*\s*({NUMBER}))?(?:\s*/\s*({NUMBER}))?")
SLACK = 1e-9


def check_step_size(step_size: StepSize | None) -> None:
    """Refuse a step size that is neither positive nor a share.

    Raises:
        ValueError: says what is allowed.
    """
    if isinstance(step_size, str):
        share_of(step_size)
    elif step_size is not None and not step_size > 0:
        raise ValueError(f"step_size must be > 0 (or left out, for max(eps/4, 2.5 eps/steps)), got {step_size}")


@lru_cache(maxsize=256)
def share_of(text: str) -> Fraction:
    """The share of eps that a text means: "eps/4", "2.5 eps/40", "0.25 * eps".

    Raises:
        ValueError: for a text that is no share, or a share of zero.
    """
    found = SHARE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f'step_size must be a number or a share of eps such as "eps/4" or "2.5 eps/40", got {text!r}')
    first, second, below = (Fraction(number or 1) for number in found.groups())
    if not (first and second and below):
        raise ValueError(f"step_size must be > 0, got {text!r}")
    return first * second / below


@lru_cache(maxsize=1024)
def length_at(step_size: StepSize, eps: float) -> float:
    """A step size in pixel units at a radius; a share of the radius as it is written, so that 0.15 / 3 is 0.05."""
    if not isinstance(step_size, str):
        return step_size
    return float(share_of(step_size) * Fraction(repr(float(eps))))


def at_radius(attack: Attack, eps: float | Tensor) -> Attack:
    """The attack with its step size in pixel units at a radius; unchanged without one, or with one radius per image.

    Args:
        attack: Any.
        eps: The radius.
    """
    size = getattr(attack, "step_size", None)
    if not isinstance(size, str) or (isinstance(eps, Tensor) and eps.ndim):
        return attack
    return dataclasses.replace(attack, step_size=length_at(size, float(eps)))  # pyright: ignore[reportCallIssue]


def too_short(attack: Attack, eps: float | Tensor) -> str | None:
    """Why an attack cannot reach the border of the ball, in a sentence; None if it can, or chooses its own steps.

    Args:
        attack: Any; only `steps` times `step_size` counts.
        eps: The radius, one or one per image.
    """
    size, steps = getattr(attack, "step_size", None), getattr(attack, "steps", None)
    radius = float(torch.as_tensor(eps).max()) if isinstance(eps, Tensor) and eps.numel() else float(eps)
    if size is None or steps is None:
        return None
    length = length_at(size, radius)
    if steps * length >= radius * (1 - SLACK):
        return None
    name = type(attack).registry.name_of(attack)
    return (
        f"{name}: {steps} steps of {length:.4g} cover {steps * length:.4g} and cannot reach the border of the ball, "
        f'eps {radius:.4g}; take more steps, or a step_size that goes with eps: "eps/4"'
    )
