"""Detection scores of each method, as the threshold's module takes them."""

import html
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tla.messages import radius_text
from tla.plots.drawing.scores import detectors_of, selected
from tla.plots.drawing.theme import DARK, LIGHT, method_label, methods_of
from tla.statistics.frame import Frame
from tla.widgets.sources import TableSource


class Scores(NamedTuple):
    """One side of a detector's question, in ascending order of the scores.

    Attributes:
        score: Larger is more suspicious, shape (n,).
        ids: Of the images, shape (n,).
    """

    score: np.ndarray
    ids: np.ndarray

    @classmethod
    def of(cls, rows: Frame) -> "Scores":
        """The rows that have a score."""
        score, ids = rows["score"].to_numpy(np.float32), rows["id"].to_numpy(np.int64)
        known = ~np.isnan(score)
        order = np.argsort(score[known], kind="stable")
        return cls(score[known][order], ids[known][order])

    def plain(self) -> dict[str, Any]:
        """What the module takes, before `pack`."""
        return {"scores": self.score, "ids": self.ids.astype(np.int32)}


class Detection(NamedTuple):
    """The scores of one detector.

    Attributes:
        positive: By method, of adversarial images that fool the model.
        negative: By method, of clean images that it classifies correctly.
        detector: Name of the score.
        eps: Radius of the attack; nan without rows.
        adaptive: True for the attacker who knows the detector.
    """

    positive: dict[str, Scores]
    negative: dict[str, Scores]
    detector: str
    eps: float
    adaptive: bool

    @classmethod
    def of(
        cls,
        source: TableSource,
        *,
        methods: Sequence[str] | None = None,
        detector: str | None = None,
        eps: float | int | None = None,
        adaptive: bool = False,
        seed: int | None = None,
    ) -> "Detection":
        """The scores of a study.

        Args:
            source: With a table `detection`.
            methods: Which, all by default.
            detector: The Gaussian one by default.
            eps: The largest by default.
            adaptive: True for the attacker who knows the detector.
            seed: The smallest by default.

        Raises:
            ValueError: without a table or rows, or for a detector, eps or method that it does not have.
        """
        if not source.has_table("detection"):
            raise ValueError("there is no table 'detection': a study makes it in its step analyse (`tla study NAME`)")
        table = source.table("detection")
        rows = selected(table, detector, eps, adaptive, seed)
        if not len(rows):
            radii = ", ".join(radius_text(one) for one in sorted(table["eps"].unique()))
            whom = "an adaptive attacker" if adaptive else "an attacker who is not adaptive"
            raise ValueError(f"there are no scores of {whom} at eps {eps}, seed {seed}; the table has eps {radii}")
        known = methods_of(rows["method"])
        for method in methods or ():
            if method not in known:
                raise ValueError(f"methods must be among {', '.join(known)}, got {method!r}")
        wrong = (rows["prediction"] != rows["y"]).to_numpy(bool)
        attacked = (rows["kind"] == "adversarial").to_numpy(bool)
        own = {
            method: (rows["method"] == method).to_numpy(bool) for method in known if not methods or method in methods
        }
        return cls(
            {method: Scores.of(rows.loc[mask & attacked & wrong]) for method, mask in own.items()},
            {method: Scores.of(rows.loc[mask & ~attacked & ~wrong]) for method, mask in own.items()},
            str(rows["detector"].iloc[0]),
            float(rows["eps"].iloc[0]),
            adaptive,
        )

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order of the figures."""
        return list(self.positive)

    def plain(self) -> dict[str, Any]:
        """What `modules/cut.js` takes, before `pack`."""
        light, dark = LIGHT.methods(self.methods), DARK.methods(self.methods)
        return {
            "detector": self.detector,
            "eps": None if np.isnan(self.eps) else radius_text(self.eps),
            "adaptive": self.adaptive,
            "methods": [
                {
                    "key": method,
                    "label": html.unescape(method_label(method)),
                    "colours": {"light": light[method].colour, "dark": dark[method].colour},
                    "positive": self.positive[method].plain(),
                    "negative": self.negative[method].plain(),
                }
                for method in self.methods
            ],
        }


def detectors(source: TableSource) -> list[str]:
    """Names of a study's detection scores; none without a table."""
    return detectors_of(source.table("detection")) if source.has_table("detection") else []
