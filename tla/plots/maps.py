"""What every map shares: which points, which limits, points and arrows as traces."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.sheet import Panel, Sheet
from tla.plots.summary import percent
from tla.plots.theme import Look, escape

MOST_CLASSES = 20
"""Classes with a colour of their own in a map; the rarer ones share grey."""


def one_map(points: Frame, projection: str | None, seed: int | None) -> Frame:
    """Rows of one projection and one seed with finite coordinates.

    Args:
        points: The `map` table.
        projection: "umap", "pca", "umap/sample", ...; by default see `main_map`.
        seed: By default the smallest.

    Returns:
        Columns method, kind, id, y, prediction, u, v.

    Raises:
        ValueError: if the study has no such projection; says which it has.
    """
    there = sorted(str(name) for name in points["projection"].unique())
    if projection is None and there:
        projection = main_map(there)
    if there and projection not in there:
        raise ValueError(f"projection must be one of {', '.join(there)}, got {projection!r}")
    wanted = np.isfinite(points["u"].to_numpy(float)) & np.isfinite(points["v"].to_numpy(float))
    if len(there) > 1:
        wanted &= (points["projection"] == projection).to_numpy(bool)
    seeds = points["seed"].to_numpy()
    if len(seeds):
        wanted &= seeds == (seeds.min() if seed is None else seed)
    return points.loc[wanted, ["method", "kind", "id", "y", "prediction", "u", "v"]]


def main_map(projections: Sequence[str]) -> str:
    """The map that figures show by default: a UMAP if there is one, better drawn together than placed.

    Args:
        projections: At least one, as in the `map` table.
    """
    return min(projections, key=lambda name: (name.split("/")[0] != "umap", name.count("/"), name))


def drawn_as(projection: str) -> str:
    """How the points came onto a map, in a sentence.

    Args:
        projection: As in the `map` table: "umap", "umap/sample", "umap/barycentre", "pca/transform", ...
    """
    name, *ways = projection.split("/")
    label = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}.get(name, escape(name))
    who = "a sample of the images" if "sample" in ways else "the images"
    if "barycentre" in ways:
        rest = "attacked ones are placed between their nearest clean ones, each by itself"
    elif "transform" in ways:
        rest = "attacked ones are placed by the map's own transform"
        rest += ", whose result depends on which are placed together" if name == "umap" else ""
    else:
        drawn = f"{label} of {who}, clean and attacked drawn together"
        return drawn + ("; all others are placed between their nearest." if "sample" in ways else ".")
    return f"{label} of {who}, clean; {rest}."


class Moved(NamedTuple):
    """The part of a map that belongs to one method.

    Attributes:
        clean: Clean images: columns id, y, prediction, u, v.
        adversarial: The same of adversarial images.
    """

    clean: Frame
    adversarial: Frame

    @property
    def all(self) -> Frame:
        """Both."""
        return pd.concat([self.clean, self.adversarial])


def by_method(points: Frame, methods: Iterable[str]) -> dict[str, Moved]:
    """A map's rows, method by method, in one pass.

    Args:
        points: See `one_map`.
        methods: In the order wanted; one without rows gets empty frames.
    """
    codes, names = pd.factorize(points["method"])
    clean = (points["kind"] == "clean").to_numpy(bool)
    lean = points[["id", "y", "prediction", "u", "v"]]
    place = {str(name): code for code, name in enumerate(names)}
    found = {}
    for method in methods:
        mine = codes == place.get(method, -2)
        found[method] = Moved(lean[mine & clean], lean[mine & ~clean])
    return found


def pairs(moved: Moved) -> Frame:
    """One row per image that a map shows clean and adversarial.

    Args:
        moved: A method's part of a map.

    Returns:
        Columns id, y, prediction (of the adversarial image), u0, v0 (clean), u1, v1 (adversarial).
    """
    ids, wanted = (frame["id"].to_numpy() for frame in moved)
    order = np.argsort(ids, kind="stable")
    place = np.minimum(np.searchsorted(ids[order], wanted), max(len(ids) - 1, 0))
    both = ids[order][place] == wanted if len(ids) else np.zeros(len(wanted), bool)
    start = order[place[both]] if len(ids) else place[both]
    columns = {name: moved.adversarial[name].to_numpy()[both] for name in ("id", "y", "prediction")}
    columns |= {f"{name}1": moved.adversarial[name].to_numpy()[both] for name in ("u", "v")}
    return pd.DataFrame(columns | {f"{name}0": moved.clean[name].to_numpy()[start] for name in ("u", "v")})


def fit(sheet: Sheet, panel: Panel, points: Frame) -> None:
    """Blank axes around all points of a map, the same whatever part of it is shown."""
    limits = []
    for column in ("u", "v"):
        values = points[column].to_numpy(float)
        low, high = (values.min(), values.max()) if len(values) else (0.0, 1.0)
        pad = 0.04 * (high - low) or 1.0
        limits.append((low - pad, high + pad))
    sheet.blank(panel, limits[0], limits[1])


class Dots(NamedTuple):
    """Points as arrays: a frame's slices cost more than everything else in a figure of many classes.

    Attributes:
        u: Across, float32.
        v: Upwards, float32.
        id: Of the images, int32.
    """

    u: np.ndarray
    v: np.ndarray
    id: np.ndarray

    @classmethod
    def of(cls, rows: Frame) -> "Dots":
        """The points of a frame with columns u, v, id."""
        return cls(rows["u"].to_numpy(np.float32), rows["v"].to_numpy(np.float32), rows["id"].to_numpy(np.int32))

    def where(self, mask: np.ndarray) -> "Dots":
        """Those of a mask."""
        return Dots(self.u[mask], self.v[mask], self.id[mask])


def cloud(look: Look, rows: Frame | Dots, name: str, **marker: Any) -> dict[str, Any]:
    """Points of a map as a trace: float32 coordinates, int32 ids as customdata.

    Args:
        look: Decides WebGL or vectors.
        rows: Points, or a frame with columns id, u, v.
        name: Entry of the legend.
        marker: Colour, size, symbol, opacity.
    """
    dots = rows if isinstance(rows, Dots) else Dots.of(rows)
    return {
        "type": look.scatter,
        "mode": "markers",
        "name": name,
        "x": dots.u,
        "y": dots.v,
        "customdata": dots.id,
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
    start, end = (
        np.column_stack([rows[name].to_numpy(np.float32) for name in names]) for names in (("u0", "v0"), ("u1", "v1"))
    )
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


def common(classes: np.ndarray, most: int = MOST_CLASSES) -> list[int]:
    """The most frequent class indices, sorted; those beyond `most` are left to a grey "other".

    Args:
        classes: Class of each image.
        most: How many get a colour of their own.
    """
    names, counts = np.unique(classes, return_counts=True)
    return sorted(names[np.argsort(-counts, kind="stable")[:most]].tolist())


def small(look: Look, note: str) -> str:
    """A second line under a panel's title, smaller where panels are narrow."""
    size = 12 if look.width >= 900 else 11
    return f'<br><span style="font-size:{size}px">{note}</span>' if note else ""


class Measured:
    """What the full space says about the images of a panel, as map distances prove nothing.

    Args:
        shift: The `shift` table, or None.
    """

    def __init__(self, shift: Frame | None) -> None:
        self._rows: dict[str, Frame] = {}
        if shift is None or shift.empty:
            return
        seeds, eps = shift["seed"].to_numpy(), shift["eps"].to_numpy(float)
        wanted = (shift["attack"] != "noise").to_numpy(bool) & (seeds == seeds.min())
        wanted &= eps == eps[wanted].min(initial=np.inf)
        lean = shift.loc[wanted, ["method", "id", "angle", "margin"]]
        self._rows = {str(method): rows for method, rows in lean.groupby("method", observed=True)}

    def __call__(self, method: str, ids: Iterable[int]) -> str:
        """Median angle and the share nearer the false centroid, "turned 21° · 83 % nearer false centroid", or nothing.

        Args:
            method: Whose rows.
            ids: Images shown.
        """
        rows = self._rows.get(method)
        if rows is None:
            return ""
        here = np.isin(rows["id"].to_numpy(), np.asarray(list(ids)))
        angle, margin = (rows[name].to_numpy(float)[here] for name in ("angle", "margin"))
        angle, margin = angle[np.isfinite(angle)], margin[np.isfinite(margin)]
        if not len(angle) or not len(margin):
            return ""
        return f"turned {np.median(angle):.0f}° · {percent(float((margin < 0).mean()))} nearer false centroid"
