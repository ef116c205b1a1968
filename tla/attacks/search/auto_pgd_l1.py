"""The steps of Auto-PGD in L1, which move few coordinates."""

import torch
from torch import Tensor

from tla.attacks.search.loop import Memory, Moment

FIRST_SHARE = 0.2
FEWER = 1.5
SHRINK = 1.5
LEAST = 0.1
FALLS = 0.95
EVERY = 0.04


def sparse_step(moment: Moment, memory: Memory, steps: int) -> Tensor:
    """One step along the signs of the largest entries of the gradient (Croce & Hein 2021, "Mind the box", section 4).

    How many entries move follows from how many the best point has changed. While that number falls, the step size is
    reset to eps and the search returns to its best point; once it stops falling, the step shrinks, down to a tenth of
    eps.

    Args:
        moment: State of the search.
        memory: State of these rows; updated in place.
        steps: Number of steps of the search.
    """
    if moment.number == 0:
        _begin(moment, memory)
    else:
        _update(moment, memory)
        if moment.number % max(1, int(EVERY * steps)) == 0:
            _reconsider(moment, memory)
    size = memory["gradient"].flatten(1).abs()
    count = memory["count"].clamp(1, size.shape[1]).long()
    least = size.sort(dim=1, descending=True).values.gather(1, count[:, None] - 1)
    direction = memory["gradient"].flatten(1).sign() * (size >= least)
    direction = direction / direction.abs().sum(1, keepdim=True).clamp_min(1e-10)
    moved = memory["here"].flatten(1) + memory["length"][:, None] * direction
    return moment.threat.project(moved.reshape(moment.x.shape), moment.x)


def _begin(moment: Moment, memory: Memory) -> None:
    n, size = len(moment.x), moment.x[0].numel()
    memory["here"] = memory["best"] = moment.iterate
    memory["gradient"] = memory["best_gradient"] = moment.gradient
    memory["best_value"] = moment.value
    memory["length"] = moment.threat.radius(moment.x).reshape(-1).expand(n).clone()
    memory["count"] = torch.full_like(memory["length"], FIRST_SHARE * size)
    memory["changed"] = torch.full_like(memory["length"], size)


def _update(moment: Moment, memory: Memory) -> None:
    better = moment.value > memory["best_value"]
    memory["best_value"] = torch.where(better, moment.value, memory["best_value"])
    mask = better.reshape(-1, *[1] * (moment.x.ndim - 1))
    for name, now in (("best", moment.iterate), ("best_gradient", moment.gradient)):
        memory[name] = torch.where(mask, now, memory[name])
    memory["here"], memory["gradient"] = moment.iterate, moment.gradient


def _reconsider(moment: Moment, memory: Memory) -> None:
    eps = moment.threat.radius(moment.x).reshape(-1)
    changed = (memory["best"] != moment.x).flatten(1).sum(1).to(memory["changed"])
    falls = changed < FALLS * memory["changed"]
    shrunk = torch.maximum(memory["length"] / SHRINK, LEAST * eps)
    memory["length"] = torch.where(falls, eps.expand_as(shrunk), shrunk)
    memory["count"], memory["changed"] = changed / FEWER, changed
    mask = falls.reshape(-1, *[1] * (moment.x.ndim - 1))
    for name, best in (("here", "best"), ("gradient", "best_gradient")):
        memory[name] = torch.where(mask, memory[best], memory[name])
