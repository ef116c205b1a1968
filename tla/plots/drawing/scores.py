"""The detection scores that a figure shows."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from tla.plots.base import Frame
from tla.plots.drawing.theme import escape
from tla.statistics.roc import Sides, roc_curve

LABELS = {
    "gaussian": "the per-class Gaussian", "gaussian_diagonal": "the diagonal Gaussian", "max_softmax": "max-softmax",
    "max_logit": "max-logit", "mahalanobis": "Mahalanobis distance", "knn": "kNN distance", "lid": "LID",
    "energy": "energy", "mixture": "the Gaussian mixture", "vim": "ViM", "gen": "GEN", "react": "ReAct", "she": "SHE",
}  # fmt: skip


def detector_label(name: str) -> str:
    """Name of a detector in a sentence."""
    return LABELS.get(name, LABELS.get(name.replace("-", "_"), escape(name)))


def detectors_of(detection: Frame) -> list[str]:
    """Detectors of a table, the Gaussian ones first."""
    names = {str(name) for name in detection["detector"].unique()}
    return sorted(names, key=lambda name: (not name.startswith("gaussian"), name))


def selected(
    detection: Frame, detector: str | None, eps: float | int | None, adaptive: bool, seed: int | None = None
) -> Frame:
    """Rows of one detector, eps and seed: by default the Gaussian at the largest eps, smallest seed.

    Raises:
        ValueError: if the table has no such detector; lists those it has.
    """
    seeds, eps_of = detection["seed"].to_numpy(), detection["eps"].to_numpy(float)
    keep = detection["adaptive"].to_numpy(bool) == adaptive
    if len(seeds):
        keep &= seeds == (seeds.min() if seed is None else seed)
    known = detectors_of(detection[["detector"]][keep])
    if detector is None and known:
        detector = known[0]
    if known and detector not in known:
        raise ValueError(f"detector must be one of {', '.join(known)}, got {detector!r}")
    keep &= (detection["detector"] == detector).to_numpy(bool)
    eps = float(eps_of[keep].max()) if eps is None and keep.any() else eps
    return detection[keep & np.isclose(eps_of, np.nan if eps is None else eps)]


def scores_by_method(rows: Frame, methods: Iterable[str]) -> dict[str, Sides]:
    """`tla.statistics.sides` of each method's rows, in one pass; scores that are NaN are dropped.

    Args:
        rows: Rows of the `detection` table.
        methods: In this order; one without rows gets empty arrays.
    """
    codes, names = pd.factorize(rows["method"])
    code_of = {str(name): code for code, name in enumerate(names)}
    wrong = rows["prediction"].to_numpy() != rows["y"].to_numpy()
    kind, score = rows["kind"], rows["score"].to_numpy(float)
    known = ~np.isnan(score)
    positive = (kind == "adversarial").to_numpy(bool) & wrong & known
    negative = (kind == "clean").to_numpy(bool) & ~wrong & known
    scores = {}
    for method in methods:
        mask = codes == code_of.get(method, -2)
        scores[method] = Sides(score[mask & positive], score[mask & negative])
    return scores


def own_threshold(scores: Sides, false_alarms: float | int) -> float:
    """The lowest threshold that refuses at most a share of the negatives; inf (refuses none) without scores.

    Args:
        scores: Scores of one method.
        false_alarms: Share of the negatives that may be refused, 0..1.
    """
    if not all(map(len, scores)):
        return float("inf")
    curve = roc_curve(scores)
    return float(curve.threshold[curve.at_fpr(false_alarms)])


def the_eps(rows: Frame) -> float:
    """The eps shared by all rows; nan without rows."""
    return float(rows["eps"].iloc[0]) if len(rows) else float("nan")
