"""Steps that need no gradient: squares at random places."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from tla.attacks.search.loop import Memory, Moment, Stepper
from tla.types import Shape, picture_shape

FIRST_SHARE = 0.8
HALVINGS = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


def side(number: int, height: int, width: int) -> int:
    """Side of the square of query `number`, in pixels: 80 % of the area at first, halved at each of `HALVINGS`."""
    share = FIRST_SHARE / 2 ** sum(number > point for point in HALVINGS)
    return max(1, min(round((share * height * width) ** 0.5), height, width))


@dataclass(frozen=True)
class RandomSquares(Stepper):
    """Shift a square of each image, up or down per channel, as far as the ball allows; undo it if the value falls.

    Random search with the sizes of Andriushchenko et al. (2020), algorithms 1 and 2, at a place drawn for each image.
    Linf: the square goes to a corner of the ball. L2 and L1: it is shifted by twice the height of a flat perturbation
    of norm eps, and projection shrinks the rest. Images of another shape are treated as pictures, row by row.

    Args:
        begin: Where in the schedule of sizes to begin, in queries, >= 0. From 0 the squares are large at first, which
            helps from a clean image; from the best image of other searches small squares do better.

    Raises:
        ValueError: for begin below 0.
    """

    begin: int = 0
    climbs: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.begin < 0:
            raise ValueError(f"begin must be >= 0, got {self.begin}")

    def move(self, moment: Moment, memory: Memory) -> Tensor:
        """The next candidate: a change to the best image so far."""
        best, value = memory.get("best", moment.iterate), memory.get("value", moment.value)
        better = moment.value >= value
        mask = better.reshape(-1, *[1] * (moment.x.ndim - 1))
        memory["best"] = torch.where(mask, moment.iterate, best)
        memory["value"] = torch.where(better, moment.value, value)
        flat = moment.threat.distance(torch.zeros_like(moment.x[:1]), torch.ones_like(moment.x[:1]))
        change = squares(moment, picture_shape(moment.x.shape[1:]), self.begin) / flat
        moved = memory["best"] + 2 * moment.threat.radius(moment.x) * change
        return moment.threat.project(moved, moment.x)


def squares(moment: Moment, shape: Shape, begin: int = 0) -> Tensor:
    """One square per image at a random place: 1 or -1 per channel inside, 0 outside; in the shape of the images."""
    n, device, edge = len(moment.x), moment.x.device, side(begin + moment.number + 1, shape.height, shape.width)
    draw = torch.rand(n, 2 + shape.channels, generator=moment.generator, device=device, dtype=moment.x.dtype)
    top = (draw[:, :1] * (shape.height - edge + 1)).floor()
    left = (draw[:, 1:2] * (shape.width - edge + 1)).floor()
    rows, columns = (torch.arange(length, device=device) for length in (shape.height, shape.width))
    inside = ((rows >= top) & (rows < top + edge))[:, :, None] & ((columns >= left) & (columns < left + edge))[:, None]
    sign = torch.where(draw[:, 2:] < 0.5, -1.0, 1.0).to(moment.x.dtype)
    return (sign[:, :, None, None] * inside[:, None]).reshape(moment.x.shape)
