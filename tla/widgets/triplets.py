"""A triplet in the plane: its points and settings, and the loss that the library computes for it."""

import math
from typing import NamedTuple

from tla.distances import DistanceName
from tla.plots.triplet_drawn import ROLES

Point = tuple[float, float]
REACH = 6.5
"""Coordinates are in -6.5..6.5: the plane that modules/triplet.js draws."""
MAX_NEGATIVES = 8


class TripletState(NamedTuple):
    """The points in the plane and the settings of the loss.

    Attributes:
        anchor: Embedding of the adversarial image.
        positive: Embedding of another image of its class.
        negatives: Embeddings of images of other classes, 1 to 8.
        alpha: The margin, 0..0.5.
        distance: One of `tla.distances.DISTANCES`.
        drawn: Index of the negative that was drawn at random; None for the nearest.
    """

    anchor: Point = (3.0, 4.0)
    positive: Point = (4.0, 3.0)
    negatives: tuple[Point, ...] = ((5.0, 5.0), (0.5, 5.5), (-3.0, 2.0))
    alpha: float = 0.05
    distance: DistanceName = "abs_cosine"
    drawn: int | None = None


class LibraryLoss(NamedTuple):
    """The loss that `tla.losses` computes for these points, and the index of the negative that it uses."""

    negative: int
    loss: float


def library_loss(state: TripletState) -> LibraryLoss:
    """Mine the negative and compute the loss with the library."""
    import torch

    from tla.distances import pairwise
    from tla.losses import LOSSES, Triplets, Views

    rows = torch.tensor([state.anchor, state.positive, *state.negatives], dtype=torch.float64)
    nearest = int(pairwise(rows[:1], rows[2:], state.distance).argmin())
    negative = nearest if state.drawn is None else state.drawn
    chosen = Triplets(*(torch.tensor([row]) for row in (0, 1, 2 + negative)), valid=torch.tensor([True]))
    loss = LOSSES.build("triplet", alpha=state.alpha, rho=0.0, distance=state.distance)
    return LibraryLoss(negative, float(loss(Views(torch.tensor([0]), embeddings=rows, triplets=chosen)).loss))


def triplet_data(state: TripletState) -> dict[str, object]:
    """What `modules/triplet.js` takes."""
    roles = {role: colour for role, _, colour in ROLES}
    initial = TripletState()._asdict()
    return {"state": state._asdict(), "initial": initial, "maxNegatives": MAX_NEGATIVES, "roles": roles}


def read_points(text: str) -> tuple[Point, ...]:
    """The points of "3,4;0,5".

    Raises:
        ValueError: for anything else, or more than 8 points.
    """
    pairs = [tuple(float(number) for number in pair.split(",")) for pair in text.split(";")]
    if len(pairs) > MAX_NEGATIVES or not all(len(pair) == 2 and all(map(math.isfinite, pair)) for pair in pairs):
        raise ValueError(f"points must be 1 to {MAX_NEGATIVES} like 3,4;0,5, got {text!r}")
    return tuple((max(-REACH, min(REACH, x)), max(-REACH, min(REACH, y))) for x, y in pairs)
