"""Where attacks that come from the other side begin."""

from typing import NamedTuple

import torch
from torch import Tensor

from tla.attacks.external.adapter import Problem

TRIES = 50


class Starts(NamedTuple):
    """For each image one that reaches the goal, shape (b, c, h, w), and whether there is one, shape (b,)."""

    images: Tensor
    able: Tensor


@torch.no_grad()
def find_starts(problem: Problem, source: torch.Generator) -> Starts:
    """Look for images that reach the goal, however far away: in the batch, then in noise."""
    x, labels = problem.x, problem.labels
    starts, able = x.clone(), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    candidates = [x.roll(shift, 0) for shift in range(1, len(x))]
    for number in range(TRIES + len(candidates)):
        if bool(able.all()):
            break
        if number < len(candidates):
            tried = candidates[number]
        else:
            tried = torch.rand(x.shape, generator=source, device=x.device, dtype=x.dtype)
        works = ~able & ((problem.model(tried).argmax(1) == labels) == problem.targeted)
        starts[works] = tried[works]
        able |= works
    return Starts(starts, able)
