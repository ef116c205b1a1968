"""What every map shares: which points, which limits, points and arrows as traces."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.drawing.rows import evenly, share
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import Look, escape
from tla.plots.drawing.words import percent

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


class MapPoints(NamedTuple):
    """Points of a map as arrays of length n: slices of a frame cost more than all else in a figure of many classes.

    Attributes:
        id: Of the images, int32.
        y: Their classes.
        prediction: What the model takes them for.
        u: Across, float32.
        v: Upwards, float32.
    """

    id: np.ndarray
    y: np.ndarray
    prediction: np.ndarray
    u: np.ndarray
    v: np.ndarray

    @classmethod
    def of(cls, rows: Frame) -> "MapPoints":
        """The points of a frame with columns id, y, prediction, u, v."""
        kinds = {"id": np.int32, "u": np.float32, "v": np.float32}
        return cls(*(rows[name].to_numpy(kinds.get(name)) for name in cls._fields))

    @property
    def n(self) -> int:
        """How many."""
        return len(self.id)

    @property
    def wrong(self) -> np.ndarray:
        """Which are misclassified, a mask."""
        return self.prediction != self.y

    def where(self, which: np.ndarray) -> "MapPoints":
        """Those of a mask or of indices."""
        return MapPoints(*(values[which] for values in self))

    def thin(self, most: int) -> "MapPoints":
        """At most `most`, evenly picked, in their order."""
        return self if self.n <= most else self.where(evenly(self.n, most))


class Pairs(NamedTuple):
    """Images that a map shows clean and adversarial, as arrays of length n.

    Attributes:
        id: Of the images, int32.
        y: Their classes.
        prediction: What the model takes the adversarial image for.
        u0: Where the clean image is, across, float32.
        v0: The same, upwards.
        u1: Where the adversarial image is, across.
        v1: The same, upwards.
    """

    id: np.ndarray
    y: np.ndarray
    prediction: np.ndarray
    u0: np.ndarray
    v0: np.ndarray
    u1: np.ndarray
    v1: np.ndarray

    @property
    def n(self) -> int:
        """How many."""
        return len(self.id)

    @property
    def wrong(self) -> np.ndarray:
        """Which adversarial images are misclassified, a mask."""
        return self.prediction != self.y

    @property
    def ends(self) -> MapPoints:
        """The adversarial images."""
        return MapPoints(self.id, self.y, self.prediction, self.u1, self.v1)

    def where(self, which: np.ndarray) -> "Pairs":
        """Those of a mask or of indices."""
        return Pairs(*(values[which] for values in self))

    def thin(self, most: int) -> "Pairs":
        """At most `most`, evenly picked, in their order."""
        return self if self.n <= most else self.where(evenly(self.n, most))


class Moved(NamedTuple):
    """The part of a map that belongs to one method: its clean and its adversarial images."""

    clean: MapPoints
    adversarial: MapPoints

    def of_classes(self, classes: Sequence[int]) -> "Moved":
        """The images of some classes."""
        return Moved(*(points.where(np.isin(points.y, classes)) for points in self))

    def pairs(self) -> Pairs:
        """The images that are there both clean and adversarial, in the order of the adversarial ones."""
        place = positions(self.clean.id, self.adversarial.id)
        start, end = self.clean.where(place[place >= 0]), self.adversarial.where(place >= 0)
        return Pairs(end.id, end.y, end.prediction, start.u, start.v, end.u, end.v)


def positions(ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where the first of `ids` stands that equals each of `wanted`; -1 where there is none.

    Args:
        ids: Shape (n,).
        wanted: Shape (m,).

    Returns:
        Indices of shape (m,).
    """
    if not len(ids):
        return np.full(len(wanted), -1)
    order = np.argsort(ids, kind="stable")
    place = order[np.minimum(np.searchsorted(ids[order], wanted), len(ids) - 1)]
    return np.where(ids[place] == wanted, place, -1)


def by_method(points: Frame, methods: Iterable[str]) -> dict[str, Moved]:
    """A map's points, method by method, in one pass.

    Args:
        points: See `one_map`.
        methods: In the order wanted; one without rows gets empty arrays.
    """
    codes, names = pd.factorize(points["method"])
    clean = (points["kind"] == "clean").to_numpy(bool)
    place = {str(name): code for code, name in enumerate(names)}
    everything = MapPoints.of(points)
    found = {}
    for method in methods:
        mine = codes == place.get(method, -2)
        found[method] = Moved(*(everything.where(np.flatnonzero(mine & kind)) for kind in (clean, ~clean)))
    return found


def fit(sheet: Sheet, panel: Panel, *shown: MapPoints) -> None:
    """Blank axes around points of a map.

    Args:
        sheet: With the panel.
        panel: Whose axes.
        shown: All the points that are to be inside, also those that another choice would show.
    """
    limits = []
    for values in (np.concatenate([getattr(points, name) for points in shown]) for name in ("u", "v")):
        low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
        pad = 0.04 * (high - low) or 1.0
        limits.append((low - pad, high + pad))
    sheet.blank(panel, limits[0], limits[1])


def nothing(sheet: Sheet) -> None:
    """A sheet of maps without any point."""
    sheet.blank(sheet.panels[0], (0, 1), (0, 1))
    sheet.empty(sheet.panels[0], "no points")


def cloud(look: Look, points: MapPoints, name: str, **marker: Any) -> dict[str, Any]:
    """Points of a map as a trace: float32 coordinates, int32 ids as customdata.

    Args:
        look: Decides WebGL or vectors.
        points: Shape (n,) each.
        name: Entry of the legend.
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
    """Arrows from clean to adversarial as one trace: plotly 7's quiver, or lines with arrow heads before it.

    Args:
        pairs: An arrow each.
        name: Entry of the legend.
        colour: Of lines and heads.
        width: Of the lines, in pixels.
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
    """Lines from clean to adversarial, each an own piece, for plotly without quiver."""
    gap = np.full(pairs.n, np.nan, np.float32)
    return {
        "type": "scatter",
        "mode": "lines+markers",
        "x": np.stack([pairs.u0, pairs.u1, gap], axis=1).reshape(-1),
        "y": np.stack([pairs.v0, pairs.v1, gap], axis=1).reshape(-1),
        "customdata": np.repeat(pairs.id, 3),
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


class MapMeasures:
    """What the full space says about the images of a panel, as map distances prove nothing.

    Args:
        shift: The `shift` table, or None.
    """

    def __init__(self, shift: Frame | None) -> None:
        self._rows: dict[str, tuple[np.ndarray, ...]] = {}
        if shift is None or shift.empty:
            return
        seeds, eps = shift["seed"].to_numpy(), shift["eps"].to_numpy(float)
        wanted = (shift["attack"] != "noise").to_numpy(bool) & (seeds == seeds.min())
        wanted &= eps == eps[wanted].min(initial=np.inf)
        codes, names = pd.factorize(shift["method"])
        columns = [shift[name].to_numpy() for name in ("id", "angle", "margin")]
        for code, name in enumerate(names):
            mine = np.flatnonzero(wanted & (codes == code))
            if len(mine):
                self._rows[str(name)] = tuple(column[mine] for column in columns)

    def __call__(self, method: str, ids: np.ndarray) -> str:
        """Median angle and the share nearer the false centroid, "turned 21° · 83 % nearer false centroid", or nothing.

        Args:
            method: Whose rows.
            ids: Images shown, shape (n,).
        """
        if method not in self._rows:
            return ""
        known, *measures = self._rows[method]
        here = np.isin(known, ids)
        angle, margin = (values[here & np.isfinite(values)] for values in measures)
        if not len(angle) or not len(margin):
            return ""
        return f"turned {np.median(angle):.0f}° · {percent(share(margin < 0))} nearer false centroid"
