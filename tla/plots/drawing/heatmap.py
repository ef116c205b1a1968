"""Matrices of numbers as heatmaps with their values written in."""

from typing import Any

import numpy as np

from tla.plots.drawing.theme import Look

SCALES = {
    "light": ["#f7f8fb", "#e3ebf6", "#c9daee", "#a9c5e5", "#86aedb"],
    "dark": ["#161d27", "#1b2a3f", "#20395a", "#264a78", "#2c5c98"],
}


def heatmap(
    values: np.ndarray, text: list[list[str]], x: list[str], y: list[str], look: Look, *, top: float | int, hover: str
) -> dict[str, Any]:
    """A heatmap of one hue, from pale (0) to full colour (`top`), with its text in every cell.

    Args:
        values: Shape (rows, columns); nan leaves a cell empty.
        text: Text of each cell, the same shape.
        x: Column names.
        y: Row names, from the top.
        look: The theme.
        top: Value drawn in full colour; 0 is the palest.
        hover: Hover template of a cell.
    """
    scale = SCALES[look.theme]
    return {
        "type": "heatmap",
        "name": "heatmap",
        "z": [[None if not np.isfinite(value) else float(value) for value in row] for row in values],
        "x": x,
        "y": y,
        "text": text,
        "texttemplate": "%{text}",
        "textfont": {"size": 12, "color": look.shades.ink},
        "zmin": 0,
        "zmax": top,
        "colorscale": [[i / (len(scale) - 1), colour] for i, colour in enumerate(scale)],
        "showscale": False,
        "xgap": 2,
        "ygap": 2,
        "hovertemplate": hover + "<extra></extra>",
    }


PLAIN = {"showgrid": False, "showline": False, "ticks": "", "type": "category", "automargin": True}
"""Axis settings for row and column names."""
