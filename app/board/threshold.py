"""A threshold that is drawn along in the browser: its slider, the numbers that follow, and its marks in the charts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import streamlit as st

from board.colours import tones
from board.component import part
from board.selection.detection import OperatingPoints
from tla.plots.drawing.theme import Look

SHARES = np.linspace(0, 0.5, 101)
"""Shares of the clean images that the slider lets refuse."""
_USUAL = 0.05
_component = part("threshold", "elements")


def chosen(key: str) -> float:
    """The share of clean images that a slider refuses, 0..0.5: as it stands, or as the address of the page says."""
    try:
        return float(SHARES[_place(float(st.query_params.get(key, 100 * _USUAL)))])
    except ValueError:
        return _USUAL


def threshold(found: Mapping[str, OperatingPoints], look: Look, *, key: str, roc: str, histograms: str) -> None:
    """Show the slider and the table; moving it moves the marks of the charts at once, releasing it runs Python.

    Args:
        found: What each method refuses at `SHARES`.
        look: Labels and colours of the methods.
        key: Name of the slider, in the address of the page in percent.
        roc: Key of the chart whose markers follow.
        histograms: Key of the chart whose dashed lines follow.
    """
    name = f"{key}_slider"

    def moved() -> None:
        value = st.session_state[name].get("percent")
        if value is not None:
            st.query_params[key] = f"{value:g}"

    styles = look.methods(list(found))
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
        for method, one in found.items()
    ]
    data: dict[str, Any] = {
        "percents": (100 * SHARES).round(1).tolist(),
        "at": _place(100 * chosen(key)),
        "rows": rows,
        "roc": f".st-key-{roc}",
        "histograms": f".st-key-{histograms}",
        **tones(),
    }
    _component(key=name, data=data, default={"percent": None}, on_percent_change=moved)


def _place(percent: float) -> int:
    """Place in `SHARES` that is nearest to a number of percents."""
    return int(np.abs(100 * SHARES - percent).argmin())
