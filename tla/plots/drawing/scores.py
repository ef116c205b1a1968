"""Which detection scores a figure speaks of."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.drawing.theme import escape
from tla.statistics.roc import Sides, roc_curve

LABELS = {
    "gaussian": "the per-class Gaussian", "gaussian_diagonal": "the diagonal Gaussian", "max_softmax": "max-softmax",
    "max_logit": "max-logit", "mahalanobis": "Mahalanobis distance", "knn": "kNN distance", "lid": "LID",
    "energy": "energy", "mixture": "the Gaussian mixture",
}  # fmt: skip


def detector_label(name: str) -> str:
    """How a detector is called in a sentence."""
    return LABELS.get(name, LABELS.get(name.replace("-", "_"), escape(name)))


def detectors_of(detection: Frame) -> list[str]:
    """Detectors of a table, the Gaussian ones first."""
    names = {str(name) for name in detection["detector"].unique()}
    return sorted(names, key=lambda name: (not name.startswith("gaussian"), name))


def selected(
    detection: Frame, detector: str | None, eps: float | int | None, adaptive: bool, seed: int | None = None
) -> Frame:
    """Rows of one detector at one eps: by default the Gaussian at the largest eps, one seed.

    Raises:
        ValueError: if the table has no such detector; says which it has.
    """
    seeds, eps_of = detection["seed"].to_numpy(), detection["eps"].to_numpy(float)
    keep = detection["adaptive"].to_numpy(bool) == adaptive
    if len(seeds):
        keep &= seeds == (seeds.min() if seed is None else seed)
    there = detectors_of(detection[["detector"]][keep])
    if detector is None and there:
        detector = there[0]
    if there and detector not in there:
        raise ValueError(f"detector must be one of {', '.join(there)}, got {detector!r}")
    keep &= (detection["detector"] == detector).to_numpy(bool)
    eps = float(eps_of[keep].max()) if eps is None and keep.any() else eps
    return detection[keep & np.isclose(eps_of, np.nan if eps is None else eps)]


def scores_by_method(rows: Frame, methods: Iterable[str]) -> dict[str, Sides]:
    """`tla.statistics.sides` of each method's rows, in one pass; scores that are NaN are dropped.

    Args:
        rows: Rows of the `detection` table.
        methods: In the order wanted; one without rows gets empty arrays.
    """
    codes, names = pd.factorize(rows["method"])
    place = {str(name): code for code, name in enumerate(names)}
    wrong = rows["prediction"].to_numpy() != rows["y"].to_numpy()
    kind, score = rows["kind"], rows["score"].to_numpy(float)
    known = ~np.isnan(score)
    positive = (kind == "adversarial").to_numpy(bool) & wrong & known
    negative = (kind == "clean").to_numpy(bool) & ~wrong & known
    found = {}
    for method in methods:
        mine = codes == place.get(method, -2)
        found[method] = Sides(score[mine & positive], score[mine & negative])
    return found


def own_threshold(scores: Sides, false_alarms: float | int) -> float:
    """The lowest score that refuses at most a share of the negatives; inf, which refuses none, without any scores.

    Args:
        scores: Of one method.
        false_alarms: Share of the negatives that may be refused, 0..1.
    """
    if not all(map(len, scores)):
        return float("inf")
    curve = roc_curve(scores)
    return float(curve.threshold[curve.at_fpr(false_alarms)])


def the_eps(rows: Frame) -> float:
    """The eps of rows that share one; nan without rows."""
    return float(rows["eps"].iloc[0]) if len(rows) else float("nan")
