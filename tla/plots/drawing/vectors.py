"""A figure without bitmaps, for SVG and PDF: points of WebGL and cells of heatmaps become vectors."""

from typing import Any

import numpy as np

Values = dict[str, Any]


def vectors(figure: Values) -> Values:
    """A figure in which only its own pictures are bitmaps.

    Args:
        figure: Data and layout as plain values, `json.loads(figure.to_json())`.

    Returns:
        Another figure that looks the same.
    """
    layout = dict(figure["layout"])
    shapes = list(layout.get("shapes", ()))
    data = []
    for trace in figure["data"]:
        if trace["type"] == "heatmap":
            shapes += cells(trace)
            fit_axes(trace, layout)
            data.append(words(trace))
        else:
            data.append(trace | {"type": trace["type"].removesuffix("gl")})
    return figure | {"data": data, "layout": layout | {"shapes": shapes}}


def cells(trace: Values) -> list[Values]:
    """A rectangle for each cell of a heatmap with a value, on axes of categories: cell (i, j) lies at (j, i)."""
    half = [0.5 - trace.get(gap, 0) / 100 for gap in ("xgap", "ygap")]
    axes = {"xref": trace.get("xaxis", "x"), "yref": trace.get("yaxis", "y")}
    return [
        {
            "type": "rect", "layer": "below", "line": {"width": 0}, "fillcolor": colour_at(value, trace), **axes,
            "x0": j - half[0], "x1": j + half[0], "y0": i - half[1], "y1": i + half[1],
        }
        for i, row in enumerate(trace["z"])
        for j, value in enumerate(row)
        if value is not None
    ]  # fmt: skip


def colour_at(value: float | int, trace: Values) -> str:
    """The colour of a value in a heatmap's scale."""
    stops = [stop for stop, _ in trace["colorscale"]]
    channels = [[int(colour[k : k + 2], 16) for k in (1, 3, 5)] for _, colour in trace["colorscale"]]
    span = (trace["zmax"] - trace["zmin"]) or 1
    share = (value - trace["zmin"]) / span
    red, green, blue = (round(float(np.interp(share, stops, channel))) for channel in zip(*channels, strict=True))
    return f"#{red:02x}{green:02x}{blue:02x}"


def words(trace: Values) -> Values:
    """The texts of a heatmap's cells, which also keep the order of its categories."""
    x, y = list(trace["x"]), list(trace["y"])
    return {
        "type": "scatter", "mode": "text", "showlegend": False, "textfont": trace.get("textfont", {}),
        "x": x * len(y), "y": [name for name in y for _ in x], "text": [one for row in trace["text"] for one in row],
        "xaxis": trace.get("xaxis", "x"), "yaxis": trace.get("yaxis", "y"), "cliponaxis": False,
    }  # fmt: skip


def fit_axes(trace: Values, layout: Values) -> None:
    """Give the axes of a heatmap the range that its cells fill; changes `layout`."""
    for letter in "xy":
        name = f"{letter}axis{trace.get(f'{letter}axis', letter)[1:]}"
        axis = dict(layout.get(name, {}))
        ends = [-0.5, len(trace[letter]) - 0.5]
        if axis.pop("autorange", None) == "reversed":
            ends.reverse()
        layout[name] = {"range": ends} | axis
