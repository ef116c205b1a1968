"""The detection threshold: a slider whose numbers and marks in the charts follow it in the browser."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from board.component import load_component
from board.selection.detection import OperatingPoints, operating_points
from tla.plots.drawing.theme import Look
from tla.statistics.frame import Frame

SHARES = np.linspace(0, 0.5, 101)
"""Shares of refused clean images that the slider offers."""
_DEFAULT = 0.05
_component = load_component("threshold")


def chosen_share(key: str) -> float:
    """The share of clean images to refuse, 0..0.5, from the address of the page."""
    try:
        return float(SHARES[_nearest(float(st.query_params.get(key, 100 * _DEFAULT)))])
    except ValueError:
        return _DEFAULT


def offered(
    rows: Frame, methods: list[str], *, detector: str, eps: float, adaptive: bool
) -> dict[str, OperatingPoints]:
    """The operating points at the shares that the slider offers; see `operating_points`."""
    return operating_points(rows, methods, SHARES, detector=detector, eps=eps, adaptive=adaptive)


def threshold(points: Mapping[str, OperatingPoints], look: Look, *, key: str, roc: str, histograms: str) -> None:
    """Show the slider and its table; the marks of the charts follow at once, Python runs on release.

    Args:
        points: Of each method, at `SHARES`.
        look: Labels and colours of the methods.
        key: Name in the address of the page, where the share is a percentage.
        roc: Key of the chart whose markers follow.
        histograms: Key of the chart whose dashed lines follow.
    """
    name = f"{key}_slider"

    def moved() -> None:
        value = st.session_state[name].get("percent")
        if value is not None:
            st.query_params[key] = f"{value:g}"

    styles = look.methods(list(points))
    rows = [
        {
            "label": styles[method].label,
            "colour": styles[method].colour,
            "thresholds": [float(value) if np.isfinite(value) else None for value in one.threshold],
            "positive": one.positive.tolist(),
            "negative": one.negative.tolist(),
            "tpr": np.round(one.tpr, 5).tolist(),
            "fpr": np.round(one.fpr, 5).tolist(),
            "positives": one.positives,
            "negatives": one.negatives,
        }
        for method, one in points.items()
    ]
    data: dict[str, Any] = {
        "percents": (100 * SHARES).round(1).tolist(),
        "index": _nearest(100 * chosen_share(key)),
        "rows": rows,
        "roc": f".st-key-{roc}",
        "histograms": f".st-key-{histograms}",
    }
    _component(key=name, data=data, default={"percent": None}, on_percent_change=moved)


def _nearest(percent: float) -> int:
    """Index of the share nearest to a percentage."""
    return int(np.abs(100 * SHARES - percent).argmin())
