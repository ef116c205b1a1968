"""How a map is drawn: its axes, points and arrows, and the measurement above it."""

from typing import Any

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.drawing.map_points import MapPoints, Pairs
from tla.plots.drawing.rows import share
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import Look
from tla.plots.drawing.words import degrees, percent


def fit_axes(sheet: Sheet, panel: Panel, *shown: MapPoints) -> None:
    """Blank axes that enclose the points of a map.

    Args:
        sheet: The figure's sheet.
        panel: Whose axes to set.
        shown: All points to enclose, including those that other options would show.
    """
    limits = []
    for values in (np.concatenate([getattr(points, name) for points in shown]) for name in ("u", "v")):
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        pad = 0.04 * (high - low) or 1.0
        limits.append((low - pad, high + pad))
    sheet.blank(panel, limits[0], limits[1])


def no_points(sheet: Sheet) -> None:
    """Say that there are no points to map."""
    sheet.blank(sheet.panels[0], (0, 1), (0, 1))
    sheet.empty(sheet.panels[0], "no points")


def cloud(look: Look, points: MapPoints, name: str, **marker: Any) -> dict[str, Any]:
    """Points of a map as a trace: float32 coordinates, int32 ids as customdata.

    Args:
        look: Chooses WebGL or vectors.
        points: What to draw.
        name: Legend entry.
        marker: Colour, size, symbol, opacity.
    """
    return {
        "type": look.scatter,
        "mode": "markers",
        "name": name,
        "x": points.u,
        "y": points.v,
        "customdata": points.id,
        "hovertemplate": f"{name}<br>image %{{customdata}}<extra></extra>",
        "marker": {"line": {"width": 0}} | marker,
    }


def arrows(pairs: Pairs, name: str, colour: str, *, width: float | int = 1.2) -> dict[str, Any]:
    """Arrows from clean to adversarial as one trace: a quiver in plotly 7, lines with arrow heads before.

    Args:
        pairs: One arrow each.
        name: Legend entry.
        colour: Colour of lines and heads.
        width: Line width in pixels.
    """
    hover = f"{name}<br>image %{{customdata}}<extra></extra>"
    if has_quiver():
        return {
            "type": "quiver", "name": name, "opacity": 0.7, "anchor": "tail", "arrowref": "data", "lengthmode": "raw",
            "x": pairs.u0, "y": pairs.v0, "u": pairs.u1 - pairs.u0, "v": pairs.v1 - pairs.v0,
            "customdata": pairs.id, "hovertemplate": hover,
            "marker": {"color": colour, "arrowsize": 1.1, "line": {"width": width}},
        }  # fmt: skip
    return segments(pairs) | {
        "name": name,
        "opacity": 0.7,
        "hovertemplate": hover,
        "line": {"color": colour, "width": width},
        "marker": {"color": colour, "symbol": "arrow", "angleref": "previous", "size": [0, 8, 0] * pairs.n},
    }


def has_quiver() -> bool:
    """True for plotly 7 and later."""
    import plotly.graph_objects as go

    return hasattr(go, "Quiver")


def segments(pairs: Pairs) -> dict[str, Any]:
    """Separate line segments from clean to adversarial, for plotly without quiver."""
    gap = np.full(pairs.n, np.nan, np.float32)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": np.stack([pairs.u0, pairs.u1, gap], axis=1).reshape(-1),
        "y": np.stack([pairs.v0, pairs.v1, gap], axis=1).reshape(-1),
        "customdata": np.repeat(pairs.id, 3),
        "connectgaps": False,
    }


def subtitle(look: Look, note: str) -> str:
    """A second line under a panel's title, smaller where panels are narrow."""
    size = 12 if look.width >= 900 else 11
    return f'<br><span style="font-size:{size}px">{note}</span>' if note else ""


class MapMeasures:
    """What was measured in the full space for the images of a panel, since map distances prove nothing.

    Args:
        shift: The `shift` table, or None.
    """

    def __init__(self, shift: Frame | None) -> None:
        self._rows: dict[str, tuple[np.ndarray, ...]] = {}
        if shift is None or shift.empty:
            return
        seeds, eps = shift["seed"].to_numpy(), shift["eps"].to_numpy(float)
        mask = (shift["attack"] != "noise").to_numpy(bool) & (seeds == seeds.min())
        mask &= eps == eps[mask].min(initial=np.inf)
        codes, names = pd.factorize(shift["method"])
        columns = [shift[name].to_numpy() for name in ("id", "angle", "margin")]
        for code, name in enumerate(names):
            rows = np.flatnonzero(mask & (codes == code))
            if len(rows):
                self._rows[str(name)] = tuple(column[rows] for column in columns)

    def __call__(self, method: str, ids: np.ndarray) -> str:
        """Median angle and share nearer the false centroid, "turned 21° · 83 % nearer false centroid", or "".

        Args:
            method: A method of the table.
            ids: Images shown, shape (n,).
        """
        if method not in self._rows:
            return ""
        measured, *measures = self._rows[method]
        shown = np.isin(measured, ids)
        angle, margin = (values[shown & np.isfinite(values)] for values in measures)
        if not len(angle) or not len(margin):
            return ""
        return f"turned {degrees(float(np.median(angle)))} · {percent(share(margin < 0))} nearer false centroid"
