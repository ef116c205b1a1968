"""Maps of a study in a notebook, with the images, neighbours and measures of what is selected."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import traitlets

from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.scores import detectors_of
from tla.statistics.frame import Frame
from tla.widgets.details import gallery_ids, nearest, paths, recorded
from tla.widgets.ids import checked_id
from tla.widgets.notebook.base import ModuleWidget
from tla.widgets.notebook.traits import IdsTrait, bits_to_ids, ids_to_bits
from tla.widgets.scene import MapScene, main_shift
from tla.widgets.sheets import gallery_sheet, pictures_of, sheets
from tla.widgets.sources import TableSource, map_rows
from tla.widgets.still_maps import ExplorerState, still_maps
from tla.widgets.study_page import shown_first
from tla.widgets.whole import pictured, whole

FIRST_PICTURES = 400
"""Images whose pictures are sent at once; those of the others are sent when they are shown."""
_COLUMNS = ("method", "seed", "id", "y", "prediction")


class Explorer(ModuleWidget):
    """Maps side by side, the images of the selection, neighbours clean and attacked, and measures.

    Whatever is drawn round or pressed in a map is in `selection` and `focus`; set them and the views follow. All
    attributes are traits: `explorer.observe(f, "selection")`.

    Attributes:
        selection: Ids of the selected images, a tuple; () for none.
        focus: Id of the image in focus, or None.
        methods: Whose maps are shown.
        colour: What the colours show: "true" class, class "predicted" under attack, or "flipped" by it.
        morph: 0 shows the clean images, 1 the adversarial ones, between them is the way.
        arrows: Of the "selection" (a few of all, if nothing is selected), of "all", or "none".
        only: Indices of the classes that are shown; None for all.
    """

    module = "explorer"
    shared = ("selection", "focus", "methods", "colour", "morph", "arrows", "only")

    selection: Any = IdsTrait().tag(sync=True, to_json=ids_to_bits, from_json=bits_to_ids)
    focus: Any = traitlets.Any(None).tag(sync=True)
    methods: Any = traitlets.Any(()).tag(sync=True)
    colour = traitlets.Enum(("true", "predicted", "flipped"), "true").tag(sync=True)
    morph = traitlets.Float(0.0).tag(sync=True)
    arrows = traitlets.Enum(("selection", "all", "none"), "selection").tag(sync=True)
    only: Any = traitlets.Any(None).tag(sync=True)

    def __init__(self, source: TableSource, scene: MapScene, **state: Any) -> None:
        self.source, self.scene = source, scene
        self._pictures: Pictures = pictures_of(source, scene)
        first = pictured(self._pictures, scene)[:FIRST_PICTURES]
        ways = recorded(source, scene)
        data = scene.plain() | {
            "pictures": sheets(self._pictures, scene, np.union1d(first, ways).astype(int)),
            "hasNearest": source.has_table("neighbours"),
            "recorded": ways.tolist(),
            "answers": True,
        }
        state = {"methods": state.pop("methods", None) or shown_first(scene)} | state
        super().__init__(data, **state)

    @property
    def known_ids(self) -> np.ndarray:
        """Ids of all images, ascending."""
        return self.scene.ids

    @property
    def rows(self) -> Frame:
        """The rows of the table `shift` of the selected images and the methods shown, with the main detection score.

        Without such a table, the rows of the map. Columns: method, seed, id, y, prediction, what was measured, and
        score (where there are scores).
        """
        frame, attack, eps = main_shift(self.source, self.scene.seed)
        if frame.empty:
            points, _, _ = map_rows(self.source, self.scene.projection, self.scene.seed)
            frame = points.loc[points["kind"] == "adversarial"]
        frame = frame.loc[frame["id"].isin(self.selection) & frame["method"].isin(list(self.methods))]
        scores = self._scores(attack, eps)
        found = frame if scores is None else frame.merge(scores, on=["method", "id"], how="left")
        first = [name for name in _COLUMNS if name in found.columns]
        return found[[*first, *(name for name in found.columns if name not in first)]].reset_index(drop=True)

    def still(self) -> bytes:
        """The maps as a PNG."""
        mask = np.isin(self.scene.ids, self.selection)
        place = -1 if self.focus is None else int(self.scene.positions([self.focus])[0])
        state = ExplorerState(list(self.methods), mask, place, self.colour, self.morph, self.arrows)
        return still_maps(self.scene, state)

    def whole(self) -> dict[str, Any]:
        """Everything of the study, in the present state."""
        state = {name: getattr(self, name) for name in self.shared} | {"selection": ids_to_bits(self.selection, self)}
        return whole(self.source, self.scene, state | {"methods": list(self.methods)})

    @property
    def title(self) -> str:
        """Heading of a saved page."""
        name = self.source.manifest().get("study", {}).get("name", "")
        return f"{name}: representation under attack" if name else "Representation under attack"

    def told(self, name: str, value: Any) -> None:
        """Answer what the browser asks for: the neighbours and ways of images in focus, and pictures."""
        if name != "want" or not isinstance(value, dict):
            return
        places = self.scene.positions([int(one) for one in value.get("focus", [])])
        places = places[places >= 0]
        near = nearest(self.source, self.scene, places)
        wanted = np.array([k for k in value.get("pictures", []) if 0 <= int(k) < len(self.scene.ids)], int)
        shown = sheets(self._pictures, self.scene, np.union1d(wanted, places).astype(int))
        self.tell({
            "nearest": near,
            "paths": paths(self.source, self.scene, places),
            "pictures": shown + gallery_sheet(self._pictures, gallery_ids(near)),
            "received": str(value),
        })  # fmt: skip

    def _scores(self, attack: str, eps: float) -> pd.DataFrame | None:
        if not self.source.has_table("detection"):
            return None
        rows = self.source.table("detection")
        keep = (rows["seed"] == self.scene.seed) & (rows["kind"] == "adversarial") & ~rows["adaptive"].astype(bool)
        keep &= (rows["attack"] == attack) & np.isclose(rows["eps"].to_numpy(float), eps)
        rows = rows.loc[keep]
        if rows.empty:
            return None
        return rows.loc[rows["detector"] == detectors_of(rows)[0], ["method", "id", "score"]]

    @traitlets.validate("focus")
    def _focus(self, proposal: Any) -> int | None:
        return checked_id(proposal["value"], self.scene.ids, "focus")

    @traitlets.validate("methods")
    def _methods(self, proposal: Any) -> list[str]:
        value: Sequence[str] = proposal["value"]
        wanted = [value] if isinstance(value, str) else list(value)
        return shown_first(self.scene, wanted)

    @traitlets.validate("only")
    def _only(self, proposal: Any) -> list[int] | None:
        value, most = proposal["value"], len(self.scene.classes)
        if value is None:
            return None
        wanted = [value] if isinstance(value, int) else list(value)
        if not all(isinstance(one, int | np.integer) and 0 <= one < most for one in wanted):
            raise ValueError(f"only must be None or classes, 0 to {most - 1}, got {value!r}")
        return [int(one) for one in wanted]

    @traitlets.validate("morph")
    def _morph(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if not 0 <= value <= 1:
            raise ValueError(f"morph must be 0 (clean) to 1 (adversarial), got {value:g}")
        return value

    def __repr__(self) -> str:
        chosen = f", {len(self.selection)} selected" if self.selection else ""
        return f"Explorer({len(self.scene.ids)} images, {', '.join(self.methods)}{chosen})"
