"""Marks that several figures share: lines, bands and bars with intervals."""

from typing import Any

import numpy as np

from tla.plots.base import Frame
from tla.plots.drawing.theme import Style, rgba


def line(x: Any, y: Any, style: Style, *, name: str = "", markers: bool = True, **more: Any) -> dict[str, Any]:
    """A method's line in its colour, dash and symbol.

    Args:
        x: Horizontal values.
        y: Vertical values.
        style: The method's style.
        name: Legend entry, by default the method's label.
        markers: Draw the symbol at every point.
        more: Further properties of the trace.
    """
    name = name or style.label
    return {
        "type": "scatter",
        "mode": "lines+markers" if markers else "lines",
        "name": name,
        "x": np.asarray(x),
        "y": np.asarray(y, dtype=np.float32),
        "line": {"color": style.colour, "width": 2, "dash": style.dash},
        "marker": {"color": style.colour, "symbol": style.symbol, "size": 7},
        "hovertemplate": f"{name}: %{{x:.4g}}, %{{y:.4g}}<extra></extra>",
    } | more


def band(x: Any, low: Any, high: Any, colour: str) -> dict[str, Any]:
    """The shaded area between two lines, without legend entry or hover; add it before its line.

    Args:
        x: Horizontal values.
        low: Lower edge.
        high: Upper edge.
        colour: Colour of its line, hexadecimal.
    """
    x, low, high = (np.asarray(values, dtype=np.float32) for values in (x, low, high))
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "band",
        "x": np.concatenate([x, x[::-1]]),
        "y": np.concatenate([high, low[::-1]]),
        "fill": "toself",
        "fillcolor": rgba(colour, 0.14),
        "line": {"width": 0, "color": colour},
        "hoverinfo": "skip",
    }


def bar(rows: Frame, labels: list[str], name: str, colour: str, ink: str) -> dict[str, Any]:
    """One series of bars with 95 % intervals, in per cent.

    Args:
        rows: Columns accuracy, low, high (0..1), n; one row per bar.
        labels: Category of each bar.
        name: Legend entry.
        colour: Colour of the bars.
        ink: Colour of the intervals.
    """
    value, low, high = (100 * rows[column].to_numpy(float) for column in ("accuracy", "low", "high"))
    return {
        "type": "bar",
        "name": name,
        "x": labels,
        "y": value,
        "marker": {"color": colour, "line": {"width": 0}},
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": np.maximum(high - value, 0),
            "arrayminus": np.maximum(value - low, 0),
            "color": ink,
            "thickness": 1.1,
            "width": 2,
        },
        "customdata": rows["n"].to_numpy(np.int32),
        "hovertemplate": f"{name}, %{{x}}: %{{y:.1f}} % (n = %{{customdata}})<extra></extra>",
    }
