"""Nearest training images of the test images."""

import streamlit as st

from board.selection.shared import Frame, of_run
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
    found = _by_query(str(view.path), view.stamp, view.condition, view, seed)
    if (sample, kind) not in found:
        return {}
    rows = found[sample, kind]
    return {str(method): group for method, group in rows[rows["rank"] <= k].groupby("method", sort=False)}


@st.cache_resource(show_spinner=False, max_entries=64)
def _by_query(path: str, stamp: int, condition: str, _view: View, seed: int) -> dict[tuple[int, str], Frame]:
    rows = of_run(_view.table("neighbours"), seed).sort_values(by="rank", kind="stable")
    return {(int(sample), str(kind)): group for (sample, kind), group in rows.groupby(["id", "kind"], sort=False)}


def mostly_wrong(view: View, seed: int, methods: list[str], k: int) -> list[int]:
    """Ids whose adversarial query has, for at least one of the methods, mostly neighbours of other classes."""
    return _mostly_wrong(str(view.path), view.stamp, view.condition, view, seed, tuple(methods), k)


@st.cache_resource(show_spinner=False, max_entries=256)
def _mostly_wrong(
    path: str, stamp: int, condition: str, _view: View, seed: int, methods: tuple[str, ...], k: int
) -> list[int]:
    frame = of_run(_view.table("neighbours"), seed, list(methods))
    rows = frame[(frame.kind == "adversarial") & (frame["rank"] <= k)]
    purity = (rows.neighbour_y == rows.y).groupby([rows.method, rows.id]).mean()
    return sorted({int(sample) for _, sample in purity.index[purity < 0.5]})


def largest_k(view: View) -> int:
    """How many neighbours of each query the study holds."""
    return int(view.table("neighbours")["rank"].to_numpy().max())
