"""What belongs to single images: their nearest training images, and the way an attack took with them."""

from typing import Any

import numpy as np
import pandas as pd

from tla.plots.drawing.map_points import positions
from tla.statistics.frame import Frame
from tla.widgets.scene import MapScene, quantised, quantised_places
from tla.widgets.sources import TableSource

MOST_NEIGHBOURS = 10


def recorded(source: TableSource, scene: MapScene) -> np.ndarray:
    """Places in the scene of the images whose way was recorded, ascending."""
    if not source.has_table("trajectory"):
        return np.zeros(0, np.int64)
    rows = source.table("trajectory")
    places = scene.positions(rows.loc[rows["seed"] == scene.seed, "id"].unique())
    return np.unique(places[places >= 0])


def nearest(
    source: TableSource, scene: MapScene, places: np.ndarray, most: int = MOST_NEIGHBOURS
) -> list[dict[str, Any]]:
    """The nearest training images of some images of a scene, as `modules/nearest.js` takes them; none without a table.

    Args:
        source: The study.
        scene: Says which image is at which place, and the methods.
        places: Of the images in the scene.
        most: Neighbours of each at most.
    """
    if not source.has_table("neighbours") or not len(places):
        return []
    rows = source.table("neighbours")
    ids = scene.ids[places]
    rows = rows.loc[(rows["seed"] == scene.seed) & (rows["rank"] <= most) & rows["id"].isin(ids)]
    if not len(rows):
        return []
    k = int(rows["rank"].max())
    order = np.argsort(ids)
    maps = {}
    for one in scene.maps:
        own = rows.loc[rows["method"] == one.method]
        sides = {kind: _side(own.loc[own["kind"] == kind], ids[order], k) for kind in ("clean", "adversarial")}
        maps[one.method] = {kind: side for kind, side in sides.items() if side is not None}
    return [{"places": places[order].tolist(), "maps": maps}]


def gallery_ids(blocks: list[dict[str, Any]]) -> np.ndarray:
    """Every training image that some blocks of `nearest` name."""
    found = [side["ids"] for block in blocks for sides in block["maps"].values() for side in sides.values()]
    ids = np.unique(np.concatenate(found)) if found else np.zeros(0, np.int32)
    return ids[ids >= 0]


def paths(source: TableSource, scene: MapScene, places: np.ndarray) -> list[dict[str, Any]]:
    """The recorded ways of some images, as `modules/map.js` and `modules/paths.js` take them.

    Args:
        source: The study.
        scene: Says which image is at which place, and the methods.
        places: Of the images in the scene.
    """
    if not source.has_table("trajectory") or not len(places):
        return []
    rows = source.table("trajectory")
    rows = rows.loc[(rows["seed"] == scene.seed) & rows["id"].isin(scene.ids[places])]
    found = []
    for place in places:
        own = rows.loc[rows["id"] == scene.ids[place]]
        own = own.loc[own["eps"] == own["eps"].min()]
        placed = scene.projection.split("/")[0] in ("umap", "map")  # the study recorded the way in its first map only
        maps = ways(own if placed else own.drop(columns=["u", "v"], errors="ignore"), scene)
        if maps:
            found.append({"place": int(place), "maps": maps})
    return found


def ways(rows: Frame, scene: MapScene) -> list[dict[str, Any]]:
    """One image's steps under attack, method by method, restart after restart, on the scale of each method's map.

    Args:
        rows: Of the table `trajectory`; without coordinates, or with some missing, the way has no points.
        scene: The maps.
    """
    found = []
    for one in scene.maps:
        own = rows.loc[rows["method"] == one.method].sort_values(["restart", "step"])
        if own.empty:
            continue
        places = own[["u", "v"]].to_numpy(float) if {"u", "v"} <= set(own.columns) else np.zeros((0, 2))
        places = places if np.isfinite(places).all() else np.zeros((0, 2))
        found.append(
            {
                "key": one.method,
                "points": quantised_places(places, *one.frame()),
                "wrong": own["success"].to_numpy(bool).astype(np.uint8),
                "prediction": own["prediction"].to_numpy(np.int32),
                "breaks": (np.flatnonzero(np.diff(own["restart"].to_numpy())) + 1).tolist(),
                "steps": own["step"].to_numpy(np.int32),
                "own": _column(own, "distance_own"),
                "false": _column(own, "distance_false"),
            }
        )
    return found


def _side(rows: Frame, ids: np.ndarray, k: int) -> dict[str, Any] | None:
    """Neighbours of one kind of query as rows of k; -1 where there are fewer."""
    if rows.empty:
        return None
    at = positions(ids, rows["id"].to_numpy(np.int64)) * k + rows["rank"].to_numpy(int) - 1
    neighbours, classes = np.full(len(ids) * k, -1, np.int32), np.zeros(len(ids) * k, np.uint16)
    distances = np.full(len(ids) * k, np.nan)
    neighbours[at] = rows["neighbour"].to_numpy(int)
    classes[at] = rows["neighbour_y"].to_numpy(int)
    distances[at] = rows["distance"].to_numpy(float)
    return {"k": k, "ids": neighbours, "classes": classes, "distances": quantised(distances, np.uint16)}


def _column(rows: pd.DataFrame, name: str) -> np.ndarray:
    values = rows[name].to_numpy(np.float32) if name in rows.columns else np.zeros(0, np.float32)
    return values if np.isfinite(values).all() else np.zeros(0, np.float32)
