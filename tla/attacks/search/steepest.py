"""Steps along the steepest direction, with or without momentum."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.attacks.search.loop import Memory, Moment, Stepper
from tla.attacks.search.step_size import StepSize, check_step_size, length_at, share_of


@dataclass(frozen=True)
class Steepest(Stepper):
    """A step of fixed length along the threat's steepest direction, then back into the ball.

    Args:
        steps: Number of steps of the search; it decides the default step size.
        step_size: In pixel units, > 0, or a text, "eps/4"; by default `share` of eps.
        share: Step size as a share of eps, > 0; by default max(1/4, 2.5/steps).
        projects: Whether a step that leaves the ball is brought back; if not, it only stays in the box.
        decay: Momentum: weight of the old direction, 0 for none (Dong et al. 2018: gradients are divided by their mean
            absolute value before they are added up).

    Raises:
        ValueError: for a step size that is not positive, or a negative decay.
    """

    steps: int
    step_size: StepSize | None = None
    share: float | None = None
    decay: float = 0.0
    projects: bool = True

    def __post_init__(self) -> None:
        check_step_size(self.step_size)
        if self.share is not None and not self.share > 0:
            raise ValueError(f"share must be > 0, got {self.share}")
        if not self.decay >= 0:
            raise ValueError(f"decay must be >= 0, got {self.decay}")

    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """One step."""
        gradient = moment.gradient
        if self.decay:
            scale = gradient.abs().flatten(1).mean(1).clamp_min(1e-20).reshape(-1, *[1] * (gradient.ndim - 1))
            gradient = gradient / scale
            if "momentum" in memory:
                gradient = memory["momentum"] * self.decay + gradient
            memory["momentum"] = gradient
        direction = moment.threat.steepest(gradient)
        share, eps = self.share or max(1 / 4, 2.5 / self.steps), moment.threat.eps
        if self.step_size is not None and not (isinstance(self.step_size, str) and isinstance(eps, Tensor)):
            length = length_at(self.step_size, 0.0 if isinstance(eps, Tensor) else eps)
            moved = torch.add(moment.iterate, direction, alpha=length)
        else:
            share = share if self.step_size is None else float(share_of(str(self.step_size)))
            moved = moment.iterate + moment.threat.radius(moment.x) * share * direction
        return moment.threat.project(moved, moment.x) if self.projects else moment.threat.clip(moved)
