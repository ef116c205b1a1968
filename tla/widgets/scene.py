"""The maps that an explorer shows, as arrays in the order of the images."""

import html
import zlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from tla.messages import radius_text
from tla.plots.drawing.draw import source_line
from tla.plots.drawing.map_points import common_classes, positions
from tla.plots.drawing.theme import method_label, methods_of
from tla.statistics.frame import Frame
from tla.widgets.sources import TableSource, map_rows

MEASURES = {
    "angle": np.uint16, "relative_angle": np.uint16, "margin": np.uint16, "progress": np.uint16,
    "purity_own": np.uint8, "purity_false": np.uint8,
}  # fmt: skip
"""Columns of the table `shift` that the maps carry, and in how many bits: enough for what a page shows."""
FULL, MISSING = 65534, 65535
"""Coordinates are sent as 0..65534; 65535 says that a point has no place in a map."""


class MethodMap(NamedTuple):
    """One method's map of n images.

    Attributes:
        method: Its name.
        start: Coordinates of the clean images, shape (n, 2); nan where an image has no place.
        end: Coordinates of the adversarial images, shape (n, 2).
        clean: Classes predicted for the clean images, shape (n,); -1 where nothing was predicted.
        prediction: Classes predicted under attack, shape (n,).
        measures: Measurements in the full space by name, shape (n,) each; nan where there is none.
    """

    method: str
    start: np.ndarray
    end: np.ndarray
    clean: np.ndarray
    prediction: np.ndarray
    measures: dict[str, np.ndarray]

    @property
    def label(self) -> str:
        """Its name on the page."""
        return html.unescape(method_label(self.method))

    def frame(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest u and v, and the map's width and height, > 0."""
        points = np.concatenate([self.start, self.end])
        known = np.isfinite(points).all(axis=1)
        low, high = (points[known].min(0), points[known].max(0)) if known.any() else (np.zeros(2), np.ones(2))
        return low, np.maximum(high - low, max(1e-9, 1e-3 * float((high - low).max())))


class MapScene(NamedTuple):
    """Everything that the maps of an explorer show.

    Attributes:
        ids: Of the images, ascending, shape (n,).
        y: Their true classes, shape (n,).
        classes: Names of the classes.
        maps: One per method.
        projection: How the points were placed.
        seed: Training seed.
        attack: Label of the attack; "" if it is not known.
        eps: Its radius; nan if it is not known.
        source: Where the data come from, in one line.
        shared: True if the gallery is the images themselves, each compared with the others.
    """

    ids: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    maps: tuple[MethodMap, ...]
    projection: str
    seed: int
    attack: str
    eps: float
    source: str
    shared: bool

    @classmethod
    def of(
        cls,
        source: TableSource,
        *,
        methods: Sequence[str] | None = None,
        projection: str | None = None,
        seed: int | None = None,
    ) -> "MapScene":
        """The maps of a study.

        Args:
            source: The study, or frames.
            methods: Which, all by default.
            projection: By default umap.
            seed: The smallest by default.

        Raises:
            ValueError: without a map, or for a method, projection or seed that it does not have.
        """
        rows, projection, seed = map_rows(source, projection, seed)
        known = methods_of(rows["method"])
        for method in methods or ():
            if method not in known:
                raise ValueError(f"methods must be among {', '.join(known)}, got {method!r}")
        ids, first = np.unique(rows["id"].to_numpy(np.int64), return_index=True)
        y = rows["y"].to_numpy(np.int64)[first]
        shift, attack, eps = main_shift(source, seed)
        chosen = [method for method in known if methods is None or method in methods]
        maps = tuple(_one(method, ids, rows, shift) for method in chosen)
        manifest = source.manifest()
        names = tuple(str(name) for name in manifest.get("data", {}).get("classes", ()))
        most = max(
            [int(y.max()), *(int(one.prediction.max()) for one in maps), *(int(one.clean.max()) for one in maps)]
        )
        names += tuple(str(k) for k in range(len(names), most + 1))
        shared = bool(manifest.get("data", {}).get("shared"))
        return cls(ids, y, names, maps, projection, seed, attack, eps, source_line(manifest), shared)

    def plain(self) -> dict[str, Any]:
        """What `modules/maps.js` takes, before `pack`."""
        kind = np.uint8 if len(self.classes) < 255 else np.uint16
        ordinary = np.array_equal(self.ids, np.arange(len(self.ids)))
        maps = [_plain(one, kind) for one in self.maps]
        return {
            "n": len(self.ids),
            "ids": None if ordinary else self.ids.astype(np.int32 if abs(self.ids).max() < 2**31 else np.float64),
            "y": self.y.astype(kind),
            "classes": list(self.classes),
            "coloured": common_classes(self.y),
            "maps": maps,
            "version": zlib.crc32(repr([(one["key"], one["version"]) for one in maps]).encode()),
            "about": {
                "projection": self.projection, "seed": self.seed, "attack": self.attack,
                "eps": None if np.isnan(self.eps) else radius_text(self.eps), "source": self.source,
                "shared": self.shared,
            },
        }  # fmt: skip

    def positions(self, ids: Sequence[int] | np.ndarray) -> np.ndarray:
        """Places of some images in the scene; -1 for those that are not there."""
        return positions(self.ids, np.asarray(ids, np.int64))


def main_shift(source: TableSource, seed: int) -> tuple[Frame, str, float]:
    """Rows of the table `shift` for one seed and the study's main attack at its eps, that attack, and that eps.

    Without a table the frame is empty; without an entry in the manifest, the smallest eps counts.
    """
    if not source.has_table("shift"):
        return pd.DataFrame(columns=["method", "id"]), "", float("nan")
    rows = source.table("shift")
    rows = rows.loc[(rows["seed"] == seed) & (rows["attack"] != "noise")]
    plan = source.manifest().get("study", {}).get("attack", {})
    names = [str(name) for name in rows["attack"].unique()]
    attack = str(plan.get("main", names[0] if names else ""))
    if names and attack not in names:
        attack = names[0]
    rows = rows.loc[rows["attack"] == attack]
    eps = float(plan.get("eps", rows["eps"].min() if len(rows) else "nan"))
    at = rows.loc[np.isclose(rows["eps"].to_numpy(float), eps)]
    return at, attack, eps


def _one(method: str, ids: np.ndarray, rows: Frame, shift: Frame) -> MethodMap:
    """One method's points in the order of the images; a side that is missing takes the place of the other."""
    own = rows.loc[rows["method"] == method]
    sides, predictions = [], []
    for kind in ("clean", "adversarial"):
        side = own.loc[own["kind"] == kind]
        place = np.full((len(ids), 2), np.nan)
        predicted = np.full(len(ids), -1)
        at = positions(ids, side["id"].to_numpy(np.int64))
        place[at] = side[["u", "v"]].to_numpy(float)
        predicted[at] = side["prediction"].to_numpy(int)
        place[~np.isfinite(place).all(axis=1)] = np.nan
        sides.append(place)
        predictions.append(predicted)
    start, end = (np.where(np.isnan(side), other, side) for side, other in (sides, sides[::-1]))
    clean, prediction = (np.where(one < 0, other, one) for one, other in (predictions, predictions[::-1]))
    return MethodMap(method, start, end, clean, prediction, _measures(method, ids, shift))


def _measures(method: str, ids: np.ndarray, shift: Frame) -> dict[str, np.ndarray]:
    own = shift.loc[shift["method"] == method]
    if own.empty:
        return {}
    at = positions(ids, own["id"].to_numpy(np.int64))
    found = {}
    for name in MEASURES:
        if name in own.columns:
            values = np.full(len(ids), np.nan)
            values[at[at >= 0]] = own[name].to_numpy(float)[at >= 0]
            found[name] = values
    return found


def _plain(one: MethodMap, kind: type[np.unsignedinteger]) -> dict[str, Any]:
    low, extent = one.frame()
    columns: dict[str, Any] = {
        "start": quantised_places(one.start, low, extent),
        "end": quantised_places(one.end, low, extent),
        "clean": _classes(one.clean, kind),
        "prediction": _classes(one.prediction, kind),
        "measures": {name: quantised(values, MEASURES[name]) for name, values in one.measures.items()},
    }
    digest = zlib.crc32(columns["start"].tobytes() + columns["end"].tobytes() + columns["prediction"].tobytes())
    about = {"key": one.method, "label": one.label, "extent": extent.tolist(), "low": low.tolist(), "version": digest}
    return about | {"lost": int(np.isnan(one.start).any(1).sum())} | columns


def quantised_places(points: np.ndarray, low: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """Coordinates as numbers of 16 bits, u and v in turn.

    Args:
        points: Shape (n, 2); nan where there is none.
        low: The smallest u and v of the map.
        extent: Its width and height.
    """
    share = np.clip((points - low) / extent, 0, 1) * FULL
    return np.where(np.isnan(points).any(axis=1, keepdims=True), MISSING, np.rint(share)).astype(np.uint16).reshape(-1)


def quantised(values: np.ndarray, kind: type[np.unsignedinteger]) -> dict[str, Any]:
    """Numbers as integers between the smallest and the largest; the largest integer stands for nan.

    Args:
        values: Shape (n,); nan where there is none.
        kind: `numpy.uint8` or `numpy.uint16`.
    """
    most = np.iinfo(kind).max
    known = np.isfinite(values)
    low, high = (float(values[known].min()), float(values[known].max())) if known.any() else (0.0, 1.0)
    share = (values - low) / max(high - low, 1e-12)
    return {"low": low, "high": high, "values": np.where(known, np.rint(share * (most - 1)), most).astype(kind)}


def _classes(values: np.ndarray, kind: type[np.unsignedinteger]) -> np.ndarray:
    """Classes; the largest number stands for none."""
    return np.where(values < 0, np.iinfo(kind).max, values).astype(kind)
