"""What a detector refuses at a threshold, and the images that it gets wrong."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from board.selection.shared import Frame, of_run
from board.studies import View
from board.words import label
from tla.plots.drawing.scores import scores_by_method, selected
from tla.statistics import Sides, failure_frame, roc_curve, sides


class OperatingPoints(NamedTuple):
    """Points of one method's ROC curve, one for each share of clean images that may be refused.

    Attributes:
        threshold: Scores at or above it are refused, shape (shares,); inf refuses none.
        positive: Misclassified adversarial images that are refused, shape (shares,).
        negative: Correctly classified clean images that are refused, shape (shares,).
        tpr: True positive rate, shape (shares,).
        fpr: False positive rate, shape (shares,).
        positives: All misclassified adversarial images.
        negatives: All correctly classified clean images.
    """

    threshold: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    tpr: np.ndarray
    fpr: np.ndarray
    positives: int
    negatives: int


class DetectorErrors(NamedTuple):
    """What a detector gets wrong at a threshold.

    Attributes:
        passed: Rows of `detection`: adversarial, misclassified, below the threshold; lowest score first.
        refused: Clean, correctly classified, at or above the threshold; highest score first.
        threshold: The score.
        positives: Number of all misclassified adversarial images.
        negatives: Number of all correctly classified clean images.
    """

    passed: Frame
    refused: Frame
    threshold: float
    positives: int
    negatives: int


def operating_points(
    rows: Frame, methods: list[str], shares: np.ndarray, *, detector: str, eps: float, adaptive: bool
) -> dict[str, OperatingPoints]:
    """Each method's points of operation for many shares of false alarms at once.

    Args:
        rows: Rows of `detection` of one training seed.
        methods: In the order wanted.
        shares: Shares of correctly classified clean images that may be refused, 0..1.
        detector: The score.
        eps: Radius of the attack.
        adaptive: True for the attacker who knows the detector.
    """
    scores = scores_by_method(selected(rows, detector, eps, adaptive), methods)
    return {method: points_at(some, shares) for method, some in scores.items()}


def points_at(scores: Sides, shares: np.ndarray) -> OperatingPoints:
    """Points of one ROC curve; without scores on both sides nothing is refused."""
    threshold, tpr, fpr = np.full(len(shares), np.inf), np.zeros(len(shares)), np.zeros(len(shares))
    if all(map(len, scores)):
        curve = roc_curve(scores)
        points = [curve.at_fpr(share) for share in shares]
        threshold, tpr, fpr = curve.threshold[points], curve.tpr[points], curve.fpr[points]
    positives, negatives = map(len, scores)
    positive, negative = (np.rint(rate * n).astype(int) for rate, n in ((tpr, positives), (fpr, negatives)))
    return OperatingPoints(threshold, positive, negative, tpr, fpr, positives, negatives)


def failure_measures(rows: Frame, methods: list[str], *, detector: str, eps: float, adaptive: bool) -> Frame:
    """AUROC of failure, AURC, AUGRC and E-AUGRC over all rows that have a score: a row per method, with intervals.

    Args:
        rows: Rows of `detection` of one training seed.
        methods: In the order wanted.
        detector: The score.
        eps: Radius of the attack.
        adaptive: True for the attacker who knows the detector.
    """
    shown = selected(rows, detector, eps, adaptive)
    shown = shown[shown["score"].notna() & shown["method"].isin(methods)]
    if shown.empty:
        return shown
    table = failure_frame(shown).set_index("method").reindex([name for name in methods if name in set(shown["method"])])
    names = {"auroc": "AUROC of failure", "aurc": "AURC", "augrc": "AUGRC", "e_augrc": "E-AUGRC"}
    columns = {
        title: [
            f"{row[name]:.3f} ({row[f'{name}_low']:.3f} to {row[f'{name}_high']:.3f})" for _, row in table.iterrows()
        ]
        for name, title in names.items()
    }
    return pd.DataFrame({"wrong": [f"{share:.1%}" for share in table["error"]]} | columns, index=table.index.map(label))


def detector_errors(
    view: View, method: str, seed: int, *, detector: str, eps: float, adaptive: bool, false_alarms: float
) -> DetectorErrors:
    """The images that a detector gets wrong where it refuses a share of the clean ones.

    Args:
        view: The study.
        method: Whose model.
        seed: Training seed.
        detector: The score.
        eps: Radius of the attack.
        adaptive: True for the attacker who knows the detector.
        false_alarms: Share of correctly classified clean images that may be refused, 0..1.
    """
    rows = selected(of_run(view.table("detection"), seed, [method]), detector, eps, adaptive, seed)
    points = points_at(sides(rows, missing="drop"), np.array([false_alarms]))
    threshold = float(points.threshold[0])
    wrong, clean, flagged = rows["prediction"] != rows["y"], rows["kind"] == "clean", rows["score"] >= threshold
    passed, refused = rows.loc[~clean & wrong & (rows["score"] < threshold)], rows.loc[clean & ~wrong & flagged]
    return DetectorErrors(
        passed.sort_values(by="score"),
        refused.sort_values(by="score", ascending=False),
        threshold,
        points.positives,
        points.negatives,
    )
