"""Rows of pictures in a panel, with borders that mark right and wrong."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tla.plots.drawing.pictures import data_uri
from tla.plots.drawing.sheet import Panel, Sheet

BORDERS = {"right": "solid", "wrong": "dot", "query": "solid"}


def add_picture(
    sheet: Sheet,
    panel: Panel,
    image: np.ndarray | None,
    x: float | int,
    y: float | int,
    *,
    border: str = "",
    colour: str = "",
    size: float = 0.84,
) -> None:
    """Put a picture into the unit cell centred at (x, y), in the units of the panel's axes.

    Args:
        sheet: The panel's sheet.
        panel: Its axes count cells.
        image: Pixels, shape (c, h, w); None leaves the cell empty.
        x: Column.
        y: Row.
        border: "right", "wrong" or "query": line style of the border; "" for no border.
        colour: Colour of the border.
        size: Edge length as a share of the cell.
    """
    if image is not None:
        sheet.images.append({
            "source": data_uri(image), "xref": panel.x, "yref": panel.y, "x": x, "y": y, "xanchor": "center",
            "yanchor": "middle", "sizex": size, "sizey": size, "sizing": "contain", "layer": "below",
        })  # fmt: skip
    if border:
        half = size / 2 + 0.035
        line = {"color": colour, "width": 3, "dash": BORDERS[border]}
        box = {"x0": x - half, "x1": x + half, "y0": y - half, "y1": y + half}
        sheet.shapes.append({"type": "rect", "xref": panel.x, "yref": panel.y, "line": line, **box})


def hover_points(
    x: Sequence[float | int], y: Sequence[float | int], ids: list[int], hover: list[str]
) -> dict[str, Any]:
    """Invisible points over pictures, for hovering and selecting: ids as customdata.

    Args:
        x: Columns.
        y: Rows.
        ids: Image ids.
        hover: Hover texts.
    """
    return {
        "type": "scatter",
        "mode": "markers",
        "name": "pictures",
        "x": list(x),
        "y": list(y),
        "customdata": np.array(ids, dtype=np.int32),
        "hovertext": hover,
        "hovertemplate": "%{hovertext}<extra></extra>",
        "marker": {"size": 26, "opacity": 0, "color": "#808080", "symbol": "square"},
    }


def label(panel: Panel, text: str, x: float | int, y: float | int, colour: str, **more: Any) -> dict[str, Any]:
    """Text at a point of a panel, in the units of its axes."""
    font = {"size": 12, "color": colour} | more.pop("font", {})
    return {"text": text, "x": x, "y": y, "xref": panel.x, "yref": panel.y, "showarrow": False, "font": font, **more}
