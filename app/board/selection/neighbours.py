"""Nearest training images of the test images."""

from typing import NamedTuple

import numpy as np
import pandas as pd
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
    order, places = _by_query(str(view.path), view.stamp, view.condition, view, seed)
    frame = view.table("neighbours")
    return {
        method: frame.take(order[first : min(first + k, last)])
        for method, first, last in places.get((sample, kind), [])
    }


class _ByQuery(NamedTuple):
    """Positions of the neighbours in their table, nearest first, and where those of a query and method begin and end.

    No sorted copy of the table: for 5,000 images that would be another hundred megabytes.
    """

    order: np.ndarray
    places: dict[tuple[int, str], list[tuple[str, int, int]]]


@st.cache_resource(show_spinner=False, max_entries=64)
def _by_query(path: str, stamp: int, condition: str, _view: View, seed: int) -> _ByQuery:
    frame = _view.table("neighbours")
    codes, names = zip(*(pd.factorize(frame[name]) for name in ("method", "kind")), strict=True)
    rank, sample = frame["rank"].to_numpy(), frame["id"].to_numpy()
    order = np.lexsort((rank, *codes, sample))
    order = order[frame["seed"].to_numpy()[order] == seed].astype(np.int32)
    keys = np.stack([sample[order], codes[1][order], codes[0][order]])
    first = np.flatnonzero(np.r_[True, (keys[:, 1:] != keys[:, :-1]).any(axis=0)]) if len(order) else order
    places: dict[tuple[int, str], list[tuple[str, int, int]]] = {}
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(order)], strict=True):
        query, kind, method = keys[:, begin].tolist()
        places.setdefault((query, str(names[1][kind])), []).append((str(names[0][method]), begin, end))
    return _ByQuery(order, places)


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
