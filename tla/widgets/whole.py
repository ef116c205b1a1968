"""Everything that an explorer of a study shows, in one piece: what a saved file holds."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tla.pace import Stages
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import evenly
from tla.widgets.details import gallery_ids, nearest, paths, recorded
from tla.widgets.detection import Detection
from tla.widgets.scene import MapScene
from tla.widgets.sheets import cost, gallery_sheet, pictures_of, sheets
from tla.widgets.sources import TableSource

PICTURE_BYTES = 6_000_000
"""Bytes of pixels that a file holds at most; of larger studies, pictures of evenly spaced images."""
MOST_NEAREST = 2000
"""Images whose neighbours a file holds at most."""
STAGES = 4
"""Of collecting, as `whole` reports them."""


def whole(
    source: TableSource, scene: MapScene, state: dict[str, Any] | None = None, stages: Stages | None = None
) -> dict[str, Any]:
    """What `modules/explorer.js` takes, before `pack`, so that it needs nobody to answer.

    Args:
        source: The study.
        scene: Its maps.
        state: Selection, focus, colour and so on, as the module takes them.
        stages: Where its stages are reported.
    """
    stages = stages or Stages(None, STAGES)
    stages.begin("reading neighbours")
    everything = np.arange(len(scene.ids))
    pictures = pictures_of(source, scene)
    ways = recorded(source, scene)
    some = pictured(pictures, scene, ways)
    known = np.unique(np.concatenate([evenly(len(everything), MOST_NEAREST), ways])).astype(int)
    near = nearest(source, scene, known)
    stages.begin("packing pictures")
    sheet = sheets(pictures, scene, some) + gallery_sheet(pictures, gallery_ids(near))
    stages.begin("reading paths")
    recorded_paths = paths(source, scene, ways)
    stages.begin("reading scores")
    cut = cut_of(source, scene, [one.method for one in scene.maps])
    return {
        **scene.plain(),
        "pictures": sheet,
        "hasNearest": bool(near),
        "nearest": near,
        "recorded": ways.tolist(),
        "paths": recorded_paths,
        "cut": cut,
        "alone": True,
        "answers": False,
        **(state or {}),
    }


def pictured(pictures: Pictures, scene: MapScene, first: Sequence[int] | np.ndarray = ()) -> np.ndarray:
    """Places of the images whose pictures fit into `PICTURE_BYTES`: all, or evenly spaced ones and some that must be.

    Args:
        pictures: Where the pixels are.
        scene: Its images.
        first: Places that are among them in any case.
    """
    n, bytes_ = len(scene.ids), cost(pictures, scene)
    if bytes_ <= PICTURE_BYTES:
        return np.arange(n)
    chosen = evenly(n, max(1, int(n * PICTURE_BYTES / bytes_)))
    return np.unique(np.concatenate([chosen, np.asarray(first, int)]))


def cut_of(source: TableSource, scene: MapScene, methods: list[str]) -> dict[str, Any] | None:
    """The threshold at the study's eps, or else the largest one; None where there are no scores."""
    if not source.has_table("detection"):
        return None
    table = source.table("detection")
    known = set(table["method"].unique())
    chosen = [method for method in methods if method in known]
    radii = table.loc[(table["seed"] == scene.seed) & ~table["adaptive"].astype(bool), "eps"].unique()
    if not chosen or not len(radii):
        return None
    near = [float(eps) for eps in radii if np.isclose(eps, scene.eps)]
    return Detection.of(source, methods=chosen, eps=near[0] if near else None, seed=scene.seed).plain()
