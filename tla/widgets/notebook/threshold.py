"""A detection threshold in a notebook: ROC and histograms with a handle."""

from typing import Any

import numpy as np
import traitlets

from tla.statistics.frame import Frame
from tla.statistics.roc import Sides, roc_curve
from tla.widgets.detection import Detection
from tla.widgets.ids import checked_ids
from tla.widgets.notebook.base import ModuleWidget
from tla.widgets.still_threshold import still_threshold


class Threshold(ModuleWidget):
    """ROC curves and histograms with a handle: what is refused, and what passes.

    Every method has its own threshold, so that all refuse the same share of clean images. All attributes but the
    results are traits.

    Attributes:
        share: Share of the correctly classified clean images that may be refused, 0..0.5.
        method: Whose threshold and images the results are.
        focus: Id of the image that is marked in the histograms, or None.
        selection: Ids whose number was pressed in the table, a tuple.
    """

    module = "cut"
    shared = ("share", "focus")

    share = traitlets.Float(0.05).tag(sync=True)
    method = traitlets.Unicode()
    focus: Any = traitlets.Any(None).tag(sync=True)
    selection: Any = traitlets.Any(())

    def __init__(self, detection: Detection, **state: Any) -> None:
        self.detection = detection
        sides = [*detection.positive.values(), *detection.negative.values()]
        self.known_ids = np.unique(np.concatenate([side.ids for side in sides]))
        state = {"method": "tla" if "tla" in detection.methods else detection.methods[-1]} | state
        super().__init__(detection.plain(), **state)

    @property
    def threshold(self) -> float:
        """Scores at or above it are refused; inf refuses none."""
        return self.threshold_of(self.method)

    @property
    def refused(self) -> tuple[int, ...]:
        """Ids of the adversarial images that fool the model and are refused."""
        return self._ids(self.detection.positive[self.method], refused=True)

    @property
    def passed(self) -> tuple[int, ...]:
        """Ids of the adversarial images that fool the model and pass."""
        return self._ids(self.detection.positive[self.method], refused=False)

    @property
    def alarms(self) -> tuple[int, ...]:
        """Ids of the correctly classified clean images that are refused."""
        return self._ids(self.detection.negative[self.method], refused=True)

    @property
    def rows(self) -> Frame:
        """One row per image and kind: method, kind, id, score, refused."""
        import pandas as pd

        parts = [("adversarial", self.detection.positive), ("clean", self.detection.negative)]
        frames = [
            pd.DataFrame({"method": method, "kind": kind, "id": scores.ids, "score": scores.score}).assign(
                refused=scores.score >= self.threshold_of(method)
            )
            for kind, sides in parts
            for method, scores in sides.items()
        ]
        return pd.concat(frames, ignore_index=True)

    def threshold_of(self, method: str) -> float:
        """The threshold of a method: the last point of its ROC curve that refuses at most `share`."""
        sides = Sides(self.detection.positive[method].score, self.detection.negative[method].score)
        if not all(map(len, sides)):
            return float("inf")
        curve = roc_curve(sides)
        return float(curve.threshold[curve.at_fpr(self.share)])

    @property
    def title(self) -> str:
        """Heading of a saved page."""
        return "Detection threshold"

    def still(self) -> bytes:
        """ROC and histograms as a PNG."""
        thresholds = {method: self.threshold_of(method) for method in self.detection.methods}
        return still_threshold(self.detection, thresholds, self.share)

    def whole(self) -> dict[str, Any]:
        """The scores and the present state."""
        return self.detection.plain() | {"share": self.share, "focus": self.focus}

    def told(self, name: str, value: Any) -> None:
        """A number of the table was pressed: its images are the selection."""
        if name == "choose":
            self.selection = [int(one) for one in value]

    def _ids(self, scores: Any, *, refused: bool) -> tuple[int, ...]:
        return tuple(np.sort(scores.ids[(scores.score >= self.threshold) == refused]).tolist())

    @traitlets.validate("share")
    def _share(self, proposal: Any) -> float:
        value = float(proposal["value"])
        if not 0 <= value <= 0.5:
            raise ValueError(f"share must be 0 to 0.5 of the clean images, got {value:g}")
        return value

    @traitlets.validate("method")
    def _method(self, proposal: Any) -> str:
        if proposal["value"] not in self.detection.methods:
            raise ValueError(f"method must be one of {', '.join(self.detection.methods)}, got {proposal['value']!r}")
        return proposal["value"]

    @traitlets.validate("focus")
    def _focus(self, proposal: Any) -> int | None:
        return None if proposal["value"] is None else int(proposal["value"])  # an image may have no score

    @traitlets.validate("selection")
    def _selection(self, proposal: Any) -> tuple[int, ...]:
        value = np.asarray(list(proposal["value"]))
        return checked_ids(value, np.union1d(self.known_ids, value) if len(value) else self.known_ids, "selection")

    def __repr__(self) -> str:
        caught = f"{len(self.refused)} of {len(self.detection.positive[self.method].ids)}"
        return f"Threshold({self.method}: {100 * self.share:.1f} % of clean images refused, {caught} adversarial ones)"
