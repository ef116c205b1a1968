"""A study's explorer as a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from tla.pace import StageProgress, Stages
from tla.widgets.ids import checked_id
from tla.widgets.page import save_page
from tla.widgets.scene import MapScene
from tla.widgets.sources import TableSource
from tla.widgets.whole import STAGES, whole

FIRST = ("natural", "at", "tla")
"""Methods whose maps are shown first, where a study has more than three."""


def save_study(
    source: TableSource,
    path: Path | str,
    *,
    methods: Sequence[str] = (),
    projection: str | None = None,
    seed: int | None = None,
    focus: int | None = None,
    title: str = "",
    progress: Callable[[StageProgress], None] | None = None,
) -> Path:
    """Write the explorer of a study.

    Args:
        source: The study.
        path: Ends in .html.
        methods: Whose maps are shown first; by default up to three.
        projection: By default umap.
        seed: The smallest by default.
        focus: Id of the image that is shown first; none by default.
        title: Heading; by default the study's name.
        progress: Called before the maps, the pictures and so on are read, and before the file is written.

    Raises:
        ValueError: without a map, or for a method, projection, seed or image that it does not have.
    """
    stages = Stages(progress, STAGES + 2)
    stages.begin("reading maps")
    scene = MapScene.of(source, projection=projection, seed=seed)
    state = {"methods": shown_first(scene, methods), "focus": checked_id(focus, scene.ids, "focus")}
    heading = title or str(source.manifest().get("study", {}).get("name", "") or "study")
    data = whole(source, scene, state, stages)
    stages.begin("writing")
    return save_page(path, "explorer", data, f"{heading}: representation under attack")


def shown_first(scene: MapScene, methods: Sequence[str] = ()) -> list[str]:
    """The methods whose maps are shown first.

    Raises:
        ValueError: for a method that the scene does not have.
    """
    known = [one.method for one in scene.maps]
    for method in methods:
        if method not in known:
            raise ValueError(f"methods must be among {', '.join(known)}, got {method!r}")
    first = [method for method in known if method in (methods or FIRST)]
    return first if methods or (len(known) > 3 and first) else known[:3]
