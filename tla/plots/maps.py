"""What every map shares: which points, which limits, points and arrows as traces."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.sheet import Panel, Sheet
from tla.plots.summary import first_seed, percent
from tla.plots.theme import Look

MOST_CLASSES = 20
"""Classes with a colour of their own in a map; the rarer ones share grey."""


def one_map(points: Frame, projection: str | None, seed: int | None) -> Frame:
    """Rows of one projection and one seed with finite coordinates.

    Args:
        points: The `map` table.
        projection: "umap", "pca", ...; by default umap if there, else the first.
        seed: By default the smallest.

    Raises:
        ValueError: if the study has no such projection; says which it has.
    """
    there = sorted(points["projection"].astype(str).unique())
    if projection is None and there:
        projection = "umap" if "umap" in there else there[0]
    if projection is not None and projection not in there and there:
        raise ValueError(f"projection must be one of {', '.join(there)}, got {projection!r}")
    rows = first_seed(points[points["projection"] == projection], seed)
    return rows[np.isfinite(rows["u"]) & np.isfinite(rows["v"])]


def pairs(points: Frame) -> Frame:
    """One row per image that a map shows clean and adversarial.

    Args:
        points: Rows of the `map` table of one method.

    Returns:
        Columns id, y, prediction (of the adversarial image), u0, v0 (clean), u1, v1 (adversarial).
    """
    clean = points.loc[points["kind"] == "clean", ["id", "u", "v"]].rename(columns={"u": "u0", "v": "v0"})
    moved = points.loc[points["kind"] == "adversarial", ["id", "y", "prediction", "u", "v"]]
    return moved.rename(columns={"u": "u1", "v": "v1"}).merge(clean, on="id")


def fit(sheet: Sheet, panel: Panel, points: Frame) -> None:
    """Blank axes around all points of a map, the same whatever part of it is shown."""
    limits = []
    for column in ("u", "v"):
        values = points[column].to_numpy(float)
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        pad = 0.04 * (high - low) or 1.0
        limits.append((low - pad, high + pad))
    sheet.blank(panel, limits[0], limits[1])


def cloud(look: Look, rows: Frame, name: str, **marker: Any) -> dict[str, Any]:
    """Points of a map as a trace: float32 coordinates, int32 ids as customdata.

    Args:
        look: Decides WebGL or vectors.
        rows: Columns id, u, v.
        name: Entry of the legend.
        marker: Colour, size, symbol, opacity.
    """
    return {
        "type": look.scatter,
        "mode": "markers",
        "name": name,
        "x": rows["u"].to_numpy(np.float32),
        "y": rows["v"].to_numpy(np.float32),
        "customdata": rows["id"].to_numpy(np.int32),
        "hovertemplate": f"{name}<br>image %{{customdata}}<extra></extra>",
        "marker": {"line": {"width": 0}} | marker,
    }


def arrows(rows: Frame, name: str, colour: str, *, width: float | int = 1.2) -> dict[str, Any]:
    """Arrows from clean to adversarial as one trace: plotly 7's quiver, or lines with arrow heads before it.

    Args:
        rows: Columns id, u0, v0, u1, v1.
        name: Entry of the legend.
        colour: Of lines and heads.
        width: Of the lines, in pixels.
    """
    start, end = (rows[list(columns)].to_numpy(np.float32) for columns in (("u0", "v0"), ("u1", "v1")))
    ids = rows["id"].to_numpy(np.int32)
    hover = f"{name}<br>image %{{customdata}}<extra></extra>"
    if has_quiver():
        return {
            "type": "quiver", "name": name, "opacity": 0.7, "anchor": "tail", "arrowref": "data", "lengthmode": "raw",
            "x": start[:, 0], "y": start[:, 1], "u": end[:, 0] - start[:, 0], "v": end[:, 1] - start[:, 1],
            "customdata": ids, "hovertemplate": hover,
            "marker": {"color": colour, "arrowsize": 1.1, "line": {"width": width}},
        }  # fmt: skip
    return segments(start, end, ids) | {
        "name": name,
        "opacity": 0.7,
        "hovertemplate": hover,
        "line": {"color": colour, "width": width},
        "marker": {"color": colour, "symbol": "arrow", "angleref": "previous", "size": [0, 8, 0] * len(ids)},
    }


def has_quiver() -> bool:
    """True for plotly 7 and later."""
    import plotly.graph_objects as go

    return hasattr(go, "Quiver")


def segments(start: np.ndarray, end: np.ndarray, ids: np.ndarray) -> dict[str, Any]:
    """Lines from `start` to `end`, each an own piece, for plotly without quiver.

    Args:
        start: Float32 coordinates, shape (n, 2).
        end: Float32 coordinates, shape (n, 2).
        ids: Int32 ids of the images, shape (n,).
    """
    gap = np.full_like(start, np.nan)
    line = np.stack([start, end, gap], axis=1).reshape(-1, 2)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": line[:, 0],
        "y": line[:, 1],
        "customdata": np.repeat(ids, 3),
        "connectgaps": False,
    }


def common(classes: Iterable[int], most: int = MOST_CLASSES) -> list[int]:
    """The most frequent class indices, sorted; those beyond `most` are left to a grey "other"."""
    return sorted(int(index) for index in pd.Series(list(classes)).value_counts().index[:most])


def small(look: Look, note: str) -> str:
    """A second line under a panel's title, smaller where panels are narrow."""
    size = 12 if look.width >= 900 else 11
    return f'<br><span style="font-size:{size}px">{note}</span>' if note else ""


def measured(shift: Frame | None, method: str, ids: Iterable[int]) -> str:
    """What the full space says about the images of a panel, as map distances prove nothing.

    Args:
        shift: The `shift` table, or None.
        method: Whose rows.
        ids: Images shown.

    Returns:
        "median turn 21° · 83 % nearer the false centroid", or an empty text.
    """
    if shift is None or shift.empty:
        return ""
    rows = first_seed(shift[(shift["method"] == method) & (shift["attack"] != "noise")])
    rows = rows[rows["id"].isin(list(ids))]
    rows = rows[rows["eps"] == rows["eps"].min()] if len(rows) else rows
    angle, margin = rows["angle"].dropna(), rows["margin"].dropna()
    if angle.empty or margin.empty:
        return ""
    return f"turned {angle.median():.0f}° · {percent(float((margin < 0).mean()))} nearer false centroid"
