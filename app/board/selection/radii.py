"""Images that were attacked at growing eps, as stored in the study."""

from typing import Any, NamedTuple

import numpy as np

from board.selection.focus import outcomes
from board.selection.shared import Frame, of_run
from board.studies import View


class Radius(NamedTuple):
    """One image under attack at one radius, on one model."""

    eps: float
    y: int
    prediction: int
    confidence: float
    u: float
    v: float
    pixels: np.ndarray
    neighbours: list[int]
    classes: list[int]

    @property
    def right(self) -> bool:
        """True if the model predicts the true class."""
        return self.prediction == self.y


def shown_ids(view: View) -> list[int]:
    """Ids of the images that were attacked at growing radii; none if the study has no such table."""
    return sorted({int(one) for one in view.table("radii")["id"].unique()}) if view.has("radii") else []


def first_id(view: View, methods: list[str], seed: int) -> int:
    """The image to begin with: one that the attack turns for the first method only, else for any, else the first.

    Raises:
        MissingDataError: if the study has no such images.
    """
    ids = sorted({int(one) for one in view.table("radii")["id"].unique()})
    table: Any = outcomes(view, seed).reindex(ids)
    one, others = table[methods[0]].eq(True), table[methods[1:]].eq(True).any(axis=1)
    for mask in (one & ~others, one | others):
        if mask.any():
            return int(mask.index[mask.to_numpy(bool)][0])
    return ids[0]


def radii_of(view: View, method: str, seed: int, sample: int) -> list[Radius]:
    """One image on one model, from the clean image to the largest radius."""
    rows = _image(of_run(view.table("radii"), seed, [method]), sample)
    near = _image(of_run(view.table("radii_neighbours"), seed, [method]), sample).sort_values(["eps", "rank"])
    stored = view.arrays(f"radii/{method}-seed{seed}")
    pixels = stored["pixels"][int(np.flatnonzero(stored["id"] == sample)[0])]
    groups = [group for _, group in near.groupby("eps", sort=True)]
    return [
        Radius(
            eps=float(row["eps"]),
            y=int(row["y"]),
            prediction=int(row["prediction"]),
            confidence=float(row["p_prediction"]),
            u=float(row["u"]),
            v=float(row["v"]),
            pixels=pixels[place],
            neighbours=groups[place]["neighbour"].astype(int).tolist(),
            classes=groups[place]["neighbour_y"].astype(int).tolist(),
        )
        for place, row in enumerate(rows.sort_values("eps").to_dict("records"))
    ]


def _image(frame: Frame, sample: int) -> Frame:
    return frame.loc[frame["id"] == sample]
