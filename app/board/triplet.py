"""A triplet to touch: drawn and moved in the browser, kept in the address of the page, judged again by the library."""

import math
from typing import Any, NamedTuple, cast, get_args

import streamlit as st

from board.colours import shades
from board.component import part
from tla.distances import DistanceName
from tla.plots.triplet_drawn import ROLES

Point = tuple[float, float]
REACH = 6.5
"""Coordinates on the page lie in -6.5..6.5: what the plane of components/triplet.js shows."""
MOST = 8
_KEY = "triplet"
_component = part("triplet", "elements")


class Played(NamedTuple):
    """What lies on the page.

    Attributes:
        anchor: Embedding of the adversarial image.
        positive: Embedding of another image of its class.
        negatives: Embeddings of images of other classes, 1 to 8.
        alpha: The margin, 0..0.5.
        distance: One of `tla.distances.DISTANCES`.
        drawn: Place of the negative that was drawn at random; None for the nearest.
    """

    anchor: Point = (3.0, 4.0)
    positive: Point = (4.0, 3.0)
    negatives: tuple[Point, ...] = ((5.0, 5.0), (0.5, 5.5), (-3.0, 2.0))
    alpha: float = 0.05
    distance: DistanceName = "abs_cosine"
    drawn: int | None = None


class Judged(NamedTuple):
    """What `tla.losses` says of it: the place of the negative, and the loss."""

    place: int
    loss: float


def played() -> Played:
    """What the address of the page says, the usual triplet where it says nothing that can be read."""
    words, usual = st.query_params, Played()
    try:
        given = usual._replace(
            anchor=_points(words.get("anchor", ""))[0] if "anchor" in words else usual.anchor,
            positive=_points(words.get("positive", ""))[0] if "positive" in words else usual.positive,
            negatives=_points(words.get("negatives", "")) if "negatives" in words else usual.negatives,
            alpha=min(0.5, max(0.0, float(words.get("alpha", usual.alpha)))),
            drawn=int(words["drawn"]) if "drawn" in words else None,
        )
    except ValueError:
        return usual
    if words.get("distance", usual.distance) in get_args(DistanceName):
        given = given._replace(distance=cast(DistanceName, words.get("distance", usual.distance)))
    return given if given.drawn is None or 0 <= given.drawn < len(given.negatives) else given._replace(drawn=None)


def triplet() -> Played:
    """Show the plane; gives what lies on it, as the browser last told it."""
    now = played()
    wrong = shades().wrong.lstrip("#")
    data: dict[str, Any] = {
        "now": now._asdict(),
        "first": Played()._asdict(),
        "most": MOST,
        "colours": {role: shades().ten[colour] for role, _, colour in ROLES},
        "shade": [int(wrong[place : place + 2], 16) for place in (0, 2, 4)],
    }
    _component(key=_KEY, data=data, default={"words": None}, on_words_change=_moved)
    return now


def judged(now: Played) -> Judged:
    """The same triplet, mined and judged by the library."""
    import torch

    from tla.distances import pairwise
    from tla.losses import LOSSES, Triplets, Views

    rows = torch.tensor([now.anchor, now.positive, *now.negatives], dtype=torch.float64)
    nearest = int(pairwise(rows[:1], rows[2:], now.distance).argmin())
    place = nearest if now.drawn is None else now.drawn
    chosen = Triplets(*(torch.tensor([row]) for row in (0, 1, 2 + place)), valid=torch.tensor([True]))
    loss = LOSSES.build("triplet", alpha=now.alpha, rho=0.0, distance=now.distance)
    return Judged(place, float(loss(Views(torch.tensor([0]), embeddings=rows, triplets=chosen)).loss))


def _moved() -> None:
    """Put into the address what the browser tells."""
    told = st.session_state[_KEY].get("words")
    for name, value in (told or {}).items():
        if value is None:
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = f"{value:g}" if isinstance(value, float | int) else str(value)


def _points(words: str) -> tuple[Point, ...]:
    """The points of "3,4;0,5".

    Raises:
        ValueError: for anything else, or more than 8 points.
    """
    pairs = [tuple(float(number) for number in pair.split(",")) for pair in words.split(";")]
    if len(pairs) > MOST or not all(len(pair) == 2 and all(map(math.isfinite, pair)) for pair in pairs):
        raise ValueError(f"1 to {MOST} points like 3,4;0,5, got {words!r}")
    return tuple((max(-REACH, min(REACH, x)), max(-REACH, min(REACH, y))) for x, y in pairs)
