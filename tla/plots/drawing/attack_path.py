"""The recorded paths of one attacked image, restart after restart, and in words when they flip it."""

from typing import NamedTuple

import numpy as np

from tla.plots.base import Frame
from tla.statistics.attack_steps import step_measures


class AttackPath(NamedTuple):
    """The steps of the attack on one image and method as arrays of length n, restart after restart.

    Attributes:
        restart: Number of the restart.
        step: Step of the attack, from 0.
        y: Class of the image.
        prediction: Predicted class.
        success: True where the image is misclassified.
        u: Horizontal coordinate in the method's map, or nan.
        v: Vertical coordinate in the method's map, or nan.
        distance_own: Cosine distance to the centroid of its own class.
        distance_false: Cosine distance to the false centroid.
        p_true: Probability of its class.
        p_predicted: Probability of the predicted class, or nan.
        margin: Largest logit of a wrong class minus that of its class, or nan.
        loss: Cross-entropy.
    """

    restart: np.ndarray
    step: np.ndarray
    y: np.ndarray
    prediction: np.ndarray
    success: np.ndarray
    u: np.ndarray
    v: np.ndarray
    distance_own: np.ndarray
    distance_false: np.ndarray
    p_true: np.ndarray
    p_predicted: np.ndarray
    margin: np.ndarray
    loss: np.ndarray

    @classmethod
    def of(cls, rows: Frame, method: str) -> "AttackPath":
        """One method's path from the rows of one image."""
        rows = step_measures(rows.loc[rows["method"] == method])
        path = cls(*(rows[name].to_numpy() for name in cls._fields))
        return path.where(np.lexsort((path.step, path.restart)))

    def where(self, which: np.ndarray) -> "AttackPath":
        """The steps selected by a mask or indices."""
        return AttackPath(*(values[which] for values in self))

    @property
    def restarts(self) -> "list[AttackPath]":
        """The path of each restart."""
        return [self.where(self.restart == restart) for restart in np.unique(self.restart)]

    @property
    def flip(self) -> int | None:
        """The first step at which the image is misclassified."""
        fooled = self.step[self.success.astype(bool)]
        return int(fooled.min()) if len(fooled) else None

    @property
    def words(self) -> str:
        """When it flips the image: "flips at step 7", or of several restarts "3 of 8 starts flip, first at step 7"."""
        restarts = self.restarts
        if len(restarts) > 1:
            flips = sum(path.flip is not None for path in restarts)
            return f"{flips or 'none'} of {len(restarts)} starts flip" + (
                "" if self.flip is None else f", first at step {self.flip}"
            )
        if self.flip is None:
            return "never fooled"
        last = "" if bool(self.success[-1]) else f", right again at step {int(self.step[-1])}"
        return f"flips at step {self.flip}{last}"
