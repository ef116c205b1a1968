"""The points of a map: one projection, one seed, each method's clean and adversarial images."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.drawing.rows import evenly
from tla.plots.drawing.theme import escape
from tla.plots.drawing.words import misclassified

MOST_CLASSES = 20
"""Classes with their own colour in a map; rarer ones share grey."""


def one_map(points: Frame, projection: str | None, seed: int | None) -> Frame:
    """Rows of one projection and one seed with finite coordinates.

    Args:
        points: The `map` table.
        projection: "umap", "pca", "umap/sample", ...; `main_map` by default.
        seed: The smallest by default.

    Returns:
        Columns method, kind, id, y, prediction, u, v.

    Raises:
        ValueError: if the study has no such projection; lists those it has.
    """
    known = sorted(str(name) for name in points["projection"].unique())
    if projection is None and known:
        projection = main_map(known)
    if known and projection not in known:
        raise ValueError(f"projection must be one of {', '.join(known)}, got {projection!r}")
    mask = np.isfinite(points["u"].to_numpy(float)) & np.isfinite(points["v"].to_numpy(float))
    if len(known) > 1:
        mask &= (points["projection"] == projection).to_numpy(bool)
    seeds = points["seed"].to_numpy()
    if len(seeds):
        mask &= seeds == (seeds.min() if seed is None else seed)
    return points.loc[mask, ["method", "kind", "id", "y", "prediction", "u", "v"]]


def main_map(projections: Sequence[str]) -> str:
    """The map that figures show by default: a UMAP if there is one, preferably fitted to all points together.

    Args:
        projections: At least one, as in the `map` table.
    """
    return min(projections, key=lambda name: (name.split("/")[0] != "umap", name.count("/"), name))


def placement_text(projection: str) -> str:
    """How the points of a map were placed, in a sentence.

    Args:
        projection: As in the `map` table: "umap", "umap/sample", "umap/barycentre", "pca/transform", ...
    """
    name, *options = projection.split("/")
    label = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE"}.get(name, escape(name))
    images = "a sample of the images" if "sample" in options else "the images"
    if "barycentre" in options:
        placed = "attacked images are placed between their nearest clean ones, each on its own"
    elif "transform" in options:
        placed = "attacked images are placed by the map's own transform"
        placed += ", whose result depends on which are placed together" if name == "umap" else ""
    else:
        fitted = f"{label} of {images}, fitted to clean and attacked ones together"
        return fitted + ("; all others are placed between their nearest neighbours." if "sample" in options else ".")
    return f"{label} of {images}, fitted to clean ones; {placed}."


class MapPoints(NamedTuple):
    """Points of a map as arrays of length n; slicing a frame instead dominates the cost of a figure of many classes.

    Attributes:
        id: Image ids, int32.
        y: True classes.
        prediction: Predicted classes.
        u: Horizontal coordinates, float32.
        v: Vertical coordinates, float32.
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
        """Number of points."""
        return len(self.id)

    @property
    def wrong(self) -> np.ndarray:
        """Mask of the misclassified points."""
        return self.prediction != self.y

    def where(self, which: np.ndarray) -> "MapPoints":
        """The points selected by a mask or indices."""
        return MapPoints(*(values[which] for values in self))

    def thin(self, most: int) -> "MapPoints":
        """At most `most` points, evenly spaced, in order."""
        return self if self.n <= most else self.where(evenly(self.n, most))


class Pairs(NamedTuple):
    """Images that a map shows both clean and adversarial, as arrays of length n.

    Attributes:
        id: Image ids, int32.
        y: True classes.
        before: Predicted classes of the clean images.
        prediction: Predicted classes of the adversarial images.
        u0: Horizontal coordinate of the clean image, float32.
        v0: Vertical coordinate of the clean image.
        u1: Horizontal coordinate of the adversarial image.
        v1: Vertical coordinate of the adversarial image.
    """

    id: np.ndarray
    y: np.ndarray
    before: np.ndarray
    prediction: np.ndarray
    u0: np.ndarray
    v0: np.ndarray
    u1: np.ndarray
    v1: np.ndarray

    @property
    def n(self) -> int:
        """Number of pairs."""
        return len(self.id)

    @property
    def wrong(self) -> np.ndarray:
        """Mask of the misclassified adversarial images."""
        return self.prediction != self.y

    def misclassified(self) -> str:
        """How many are misclassified, attacked and clean, in words; of those whose class is known; "" if of none is."""
        known = self.y >= 0
        clean = known & (self.before >= 0)
        before = np.mean((self.before != self.y)[clean]) if clean.any() else float("nan")
        return misclassified(float(np.mean(self.wrong[known])), float(before)) if known.any() else ""

    @property
    def ends(self) -> MapPoints:
        """The adversarial images."""
        return MapPoints(self.id, self.y, self.prediction, self.u1, self.v1)

    def where(self, which: np.ndarray) -> "Pairs":
        """The pairs selected by a mask or indices."""
        return Pairs(*(values[which] for values in self))

    def thin(self, most: int) -> "Pairs":
        """At most `most` pairs, evenly spaced, in order."""
        return self if self.n <= most else self.where(evenly(self.n, most))


class MethodPoints(NamedTuple):
    """One method's points in a map: its clean and its adversarial images."""

    clean: MapPoints
    adversarial: MapPoints

    def of_classes(self, classes: Sequence[int]) -> "MethodPoints":
        """Only the images of these classes."""
        return MethodPoints(*(points.where(np.isin(points.y, classes)) for points in self))

    def pairs(self) -> Pairs:
        """The images present both clean and adversarial, in the order of the adversarial ones."""
        index = positions(self.clean.id, self.adversarial.id)
        start, end = self.clean.where(index[index >= 0]), self.adversarial.where(index >= 0)
        return Pairs(end.id, end.y, start.prediction, end.prediction, start.u, start.v, end.u, end.v)


def positions(ids: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Index of the first of `ids` that equals each query; -1 where there is none.

    Args:
        ids: Shape (n,).
        queries: Shape (m,).

    Returns:
        Indices of shape (m,).
    """
    if not len(ids):
        return np.full(len(queries), -1)
    order = np.argsort(ids, kind="stable")
    index = order[np.minimum(np.searchsorted(ids[order], queries), len(ids) - 1)]
    return np.where(ids[index] == queries, index, -1)


def by_method(points: Frame, methods: Iterable[str]) -> dict[str, MethodPoints]:
    """A map's points by method, in one pass.

    Args:
        points: From `one_map`.
        methods: In this order; one without rows gets empty arrays.
    """
    codes, names = pd.factorize(points["method"])
    clean = (points["kind"] == "clean").to_numpy(bool)
    code_of = {str(name): code for code, name in enumerate(names)}
    everything = MapPoints.of(points)
    result = {}
    for method in methods:
        mask = codes == code_of.get(method, -2)
        result[method] = MethodPoints(*(everything.where(np.flatnonzero(mask & kind)) for kind in (clean, ~clean)))
    return result


def common_classes(classes: np.ndarray, most: int = MOST_CLASSES) -> list[int]:
    """The most frequent class indices, sorted; the rest are drawn as a grey "other".

    Args:
        classes: Class of each image.
        most: How many classes get their own colour.
    """
    names, counts = np.unique(classes, return_counts=True)
    return sorted(names[np.argsort(-counts, kind="stable")[:most]].tolist())
