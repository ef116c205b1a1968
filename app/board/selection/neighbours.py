"""Nearest training images of the test images."""

from typing import Any

import numpy as np
import streamlit as st

from board.selection.shared import Frame
from board.studies import View


def nearest(view: View, sample: int, seed: int, kind: str, k: int) -> dict[str, Frame]:
    """The k nearest training images of a query, nearest first, per method.

    Args:
        view: The study.
        sample: Id of the query.
        seed: Training seed.
        kind: "clean" or "adversarial" query.
        k: Number of neighbours.
    """
    places = _by_query(str(view.path), view.stamp, view.condition, view, seed)
    frame, asked = view.table("neighbours"), ((method, (sample, kind, method)) for method in view.methods)
    return {method: frame.take(places[query][:k]) for method, query in asked if query in places}


@st.cache_resource(show_spinner=False, max_entries=64)
def _by_query(path: str, stamp: int, condition: str, _view: View, seed: int) -> dict[tuple[int, str, str], np.ndarray]:
    """Positions in the table of each query's neighbours, nearest first, by id, kind and method.

    No sorted copy of the table: for 5,000 images that would be another hundred megabytes.
    """
    frame = _view.table("neighbours")
    keys: Any = frame[["id", "kind", "method", "rank"]].reset_index(drop=True)
    keys = keys[(frame["seed"] == seed).to_numpy()].sort_values(by="rank", kind="stable")
    places = keys.index.to_numpy(np.int32)
    return {query: places[rows] for query, rows in keys.groupby(["id", "kind", "method"], sort=False).indices.items()}


def mostly_wrong(view: View, seed: int, methods: list[str], k: int) -> list[int]:
    """Ids whose adversarial query has, for at least one of the methods, mostly neighbours of other classes."""
    return _mostly_wrong(str(view.path), view.stamp, view.condition, view, seed, tuple(methods), k)


@st.cache_resource(show_spinner=False, max_entries=256)
def _mostly_wrong(
    path: str, stamp: int, condition: str, _view: View, seed: int, methods: tuple[str, ...], k: int
) -> list[int]:
    frame = _view.table("neighbours")
    asked = (frame.seed == seed) & frame.method.isin(methods) & (frame.kind == "adversarial") & (frame["rank"] <= k)
    rows = frame[asked]
    purity = (rows.neighbour_y == rows.y).groupby([rows.method, rows.id]).mean()
    return sorted({int(sample) for _, sample in purity.index[purity < 0.5]})


def largest_k(view: View) -> int:
    """How many neighbours of each query the study holds."""
    return int(view.table("neighbours")["rank"].to_numpy().max())
