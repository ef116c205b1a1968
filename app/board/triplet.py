"""A triplet to drag: drawn and moved in the browser, kept in the address of the page, checked by the library."""

import math
from typing import Any, NamedTuple, cast, get_args

import streamlit as st

from board.colours import shades
from board.component import load_component
from tla.distances import DistanceName
from tla.plots.triplet_drawn import ROLES

Point = tuple[float, float]
REACH = 6.5
"""Coordinates are in -6.5..6.5: the plane that tla/widgets/modules/triplet.js draws."""
MAX_NEGATIVES = 8
_KEY = "triplet"
_component = load_component("triplet")


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


def triplet_state() -> TripletState:
    """The triplet in the address of the page; the default where the address cannot be read."""
    address, default = st.query_params, TripletState()
    try:
        state = default._replace(
            anchor=_points(address.get("anchor", ""))[0] if "anchor" in address else default.anchor,
            positive=_points(address.get("positive", ""))[0] if "positive" in address else default.positive,
            negatives=_points(address.get("negatives", "")) if "negatives" in address else default.negatives,
            alpha=min(0.5, max(0.0, float(address.get("alpha", default.alpha)))),
            drawn=int(address["drawn"]) if "drawn" in address else None,
        )
    except ValueError:
        return default
    if address.get("distance", default.distance) in get_args(DistanceName):
        state = state._replace(distance=cast(DistanceName, address.get("distance", default.distance)))
    return state if state.drawn is None or 0 <= state.drawn < len(state.negatives) else state._replace(drawn=None)


def triplet() -> TripletState:
    """Show the plane; return what is in it, as the browser last reported."""
    state = triplet_state()
    wrong = shades().wrong.lstrip("#")
    data: dict[str, Any] = {
        "state": state._asdict(),
        "initial": TripletState()._asdict(),
        "maxNegatives": MAX_NEGATIVES,
        "colours": {role: shades().ten[colour] for role, _, colour in ROLES},
        "shade": [int(wrong[place : place + 2], 16) for place in (0, 2, 4)],
    }
    _component(key=_KEY, data=data, default={"address": None}, on_address_change=_update_address)
    return state


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


def _update_address() -> None:
    """Put what the browser reports into the address."""
    reported = st.session_state[_KEY].get("address")
    for name, value in (reported or {}).items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = f"{value:g}" if isinstance(value, float | int) else str(value)


def _points(text: str) -> tuple[Point, ...]:
    """The points of "3,4;0,5".

    Raises:
        ValueError: for anything else, or more than 8 points.
    """
    pairs = [tuple(float(number) for number in pair.split(",")) for pair in text.split(";")]
    if len(pairs) > MAX_NEGATIVES or not all(len(pair) == 2 and all(map(math.isfinite, pair)) for pair in pairs):
        raise ValueError(f"points must be 1 to {MAX_NEGATIVES} like 3,4;0,5, got {text!r}")
    return tuple((max(-REACH, min(REACH, x)), max(-REACH, min(REACH, y))) for x, y in pairs)
