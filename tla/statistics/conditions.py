"""A study of embeddings in one table: what every condition changes, model by model."""

import numpy as np
import pandas as pd

from tla.statistics.frame import Frame
from tla.statistics.intervals import UNKNOWN, Interval, bootstrap_mean, median_interval, wilson
from tla.statistics.roc import auc_interval, sides

CLEAN = "clean"
MEASURES = ("angle", "accuracy", "recall_1", "map_at_r", "auc")


def condition_frame(
    shift: Frame, neighbours: Frame, retrieval: Frame | None = None, detection: Frame | None = None, detector: str = ""
) -> pd.DataFrame:
    """What each condition does to each model.

    Args:
        shift: The `shift` table, where `attack` is the condition.
        neighbours: The `neighbours` table with the column `attack`; it has the predictions of the clean images.
        retrieval: The `retrieval` table likewise, if the classes are known.
        detection: The `detection` table, if there is one.
        detector: Whose AUC; by default the first of the table.

    Returns:
        A row per method, condition ("clean" first) and measure: n, value, low, high (95 % over images). `angle`: median
        angle to the clean embedding, degrees. `accuracy`: share predicted as their class. `recall_1`, `map_at_r`: see
        the `retrieval` table. `auc`: of detecting misclassified images of the condition. NaN for what was not measured.
    """
    rows = []
    for method in shift["method"].unique():
        for condition in (CLEAN, *shift["attack"].unique()):
            parts = [_of(frame, method, condition) for frame in (shift, neighbours, retrieval, detection)]
            found = _values(parts[0], parts[1], parts[2], parts[3], detector)
            rows += [(method, condition, name, n, *interval) for name, (n, interval) in found.items()]
    return pd.DataFrame(rows, columns=["method", "condition", "measure", "n", "value", "low", "high"])


def _of(frame: Frame | None, method: str, condition: str) -> Frame | None:
    return None if frame is None else frame[(frame["method"] == method) & (frame["attack"] == condition)]


def _values(
    shift: Frame | None, near: Frame | None, found: Frame | None, scores: Frame | None, detector: str
) -> dict[str, tuple[int, Interval]]:
    values: dict[str, tuple[int, Interval]] = dict.fromkeys(MEASURES, (0, UNKNOWN))
    if shift is not None and len(shift):
        values["angle"] = (len(shift), median_interval(shift["angle"].to_numpy(float)))
    if near is not None and len(near):
        first = near[near["rank"] == 1]
        known = first[(first["y"] >= 0) & (first["prediction"] >= 0)]
        if len(known):
            right = int((known["prediction"] == known["y"]).sum())
            values["accuracy"] = (len(known), wilson(right, len(known)))
    if found is not None and len(found):
        for name in ("recall_1", "map_at_r"):
            part = found[name].dropna().to_numpy(np.float64)
            values[name] = (len(part), bootstrap_mean(part))
    if scores is not None and len(scores):
        part = scores[scores["detector"] == (detector or scores["detector"].iloc[0])]
        both = sides(part, missing="drop")
        if all(map(len, both)):
            values["auc"] = (len(both.positive), auc_interval(both))
    return values


def of_condition(frame: Frame, condition: str) -> Frame:
    """Rows of one condition and of the clean images; all rows of a table without conditions, or without a condition."""
    if not condition or "attack" not in frame:
        return frame
    return frame[frame["attack"].isin([condition, CLEAN])]
