"""Starting points for attacks that begin beyond the class boundary."""

from typing import NamedTuple

import torch
from torch import Tensor

from tla.attacks.external.adapter import Problem

TRIES = 50


class Starts(NamedTuple):
    """For each image one that reaches the goal, shape (b, c, h, w), and whether one was found, shape (b,)."""

    images: Tensor
    found: Tensor


@torch.no_grad()
def find_starts(problem: Problem, generator: torch.Generator) -> Starts:
    """Look for images that reach the goal, however far away: in the batch, then in noise."""
    x, labels = problem.x, problem.labels
    starts, found = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    candidates = [x.roll(shift, 0) for shift in range(1, len(x))]
    for number in range(TRIES + len(candidates)):
        if bool(found.all()):
            break
        if number < len(candidates):
            candidate = candidates[number]
        else:
            candidate = torch.rand(x.shape, generator=generator, device=x.device, dtype=x.dtype)
        new = ~found & ((problem.model(candidate).argmax(1) == labels) == problem.targeted)
        starts[new] = candidate[new]
        found |= new
    return Starts(starts, found)
