"""Lines with bands, as several figures draw them."""

from typing import Any

import numpy as np

from tla.plots.drawing.theme import Style, rgba


def line(x: Any, y: Any, style: Style, *, name: str = "", markers: bool = True, **more: Any) -> dict[str, Any]:
    """A method's line: its colour, its dash, its symbol.

    Args:
        x: Values along the axis.
        y: Heights.
        style: The method's style.
        name: Entry of the legend, by default the method.
        markers: Draw its symbol on every point.
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
    """The area between two lines, behind what it belongs to; no entry in the legend, no hover.

    Args:
        x: Values along the axis.
        low: Lower heights.
        high: Upper heights.
        colour: Of the line it belongs to, hexadecimal.
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
