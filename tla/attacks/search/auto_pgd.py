"""The steps of Auto-PGD."""

from dataclasses import dataclass

import torch
from torch import Tensor

from tla.attacks.search.auto_pgd_l1 import sparse_step
from tla.attacks.search.loop import Memory, Moment, Stepper

MOMENTUM = 0.75
RISES = 0.75


def checkpoints(steps: int) -> tuple[int, ...]:
    """Steps after which the step size is reconsidered (Croce & Hein 2020, section 3.2).

    The first period is 22 % of all steps, each next one 3 points shorter, down to 6 %; in whole steps.
    """
    period, least, less = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    points, at = [], 0
    while at + period <= steps:
        at += period
        points.append(at)
        period = max(period - less, least)
    return tuple(points)


@dataclass(frozen=True)
class AutoPGDSteps(Stepper):
    """Momentum steps whose length, 2 eps at first, is halved per example when progress stalls.

    At a checkpoint an example's step size is halved, and the search restarts from its best point, if at most 75 % of
    the steps since the last checkpoint raised the value, or if neither step size nor best value has changed since then.

    Args:
        steps: Number of steps of the search; it decides the checkpoints.
    """

    steps: int

    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """One step, with momentum from the second one on. For L1 see `sparse_step`."""
        if moment.threat.norm == "l1":
            return sparse_step(moment, memory, self.steps)
        if moment.number == 0:
            _begin(moment, memory)
        else:
            _update(moment, memory)
        points = (0, *checkpoints(self.steps))
        if moment.number in points[1:]:
            _reconsider(moment.number - points[points.index(moment.number) - 1], memory)
        here, threat, x = memory["here"], moment.threat, moment.x
        length = memory["length"].reshape(-1, *[1] * (x.ndim - 1))
        moved = threat.project(here + length * threat.steepest(memory["gradient"]), x)
        if moment.number > 0:
            moved = threat.project(here + MOMENTUM * (moved - here) + (1 - MOMENTUM) * (here - memory["before"]), x)
        memory["before"] = here
        return moved


def _begin(moment: Moment, memory: Memory) -> None:
    n = len(moment.x)
    memory["here"] = memory["before"] = memory["best"] = moment.iterate
    memory["gradient"] = memory["best_gradient"] = moment.gradient
    memory["value"] = memory["best_value"] = memory["checked_value"] = moment.value
    memory["length"] = (2 * moment.threat.radius(moment.x)).reshape(-1).expand(n).clone()
    memory["rises"] = torch.zeros_like(memory["length"])
    memory["halved"] = torch.ones(n, dtype=torch.bool, device=moment.x.device)


def _update(moment: Moment, memory: Memory) -> None:
    """Store the new iterate, and the best one so far."""
    memory["rises"] = memory["rises"] + (moment.value > memory["value"])
    better = moment.value > memory["best_value"]
    memory["best_value"] = torch.where(better, moment.value, memory["best_value"])
    for name, now in (("best", moment.iterate), ("best_gradient", moment.gradient)):
        memory[name] = _where(better, now, memory[name])
    memory["here"], memory["gradient"], memory["value"] = moment.iterate, moment.gradient, moment.value


def _reconsider(period: int, memory: Memory) -> None:
    """At a checkpoint: halve the step size and return to the best point where progress stalls."""
    oscillates = memory["rises"] <= RISES * period
    stuck = ~memory["halved"] & (memory["best_value"] <= memory["checked_value"])
    halve = oscillates | stuck
    memory["length"] = torch.where(halve, memory["length"] / 2, memory["length"])
    for name, best in (("here", "best"), ("gradient", "best_gradient")):
        memory[name] = _where(halve, memory[best], memory[name])
    memory["halved"], memory["checked_value"] = halve, memory["best_value"]
    memory["rises"] = torch.zeros_like(memory["rises"])


def _where(mask: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    return torch.where(mask.reshape(-1, *[1] * (yes.ndim - 1)), yes, no)
