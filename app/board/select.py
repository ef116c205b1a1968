"""Selecting rows of a study's tables for the pages: filters, look-ups and medians."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import streamlit as st

from board.studies import View
from tla.plots.drawing.scores import own_threshold, scores_by_method, selected
from tla.statistics.roc import Sides, roc_curve

Frame = pd.DataFrame

MEASURES = {
    "angle": "turn (°)",
    "relative_angle": "turn / centroids' angle",
    "margin_clean": "margin, clean",
    "margin": "margin, adversarial",
    "progress": "progress to false class",
    "purity_own": "own neighbours",
    "purity_false": "false neighbours",
}


class Said(NamedTuple):
    """Classes that a model predicts for an image and for its adversarial twin."""

    clean: int
    adversarial: int


def of_run(frame: pd.DataFrame, seed: int, methods: list[str] | None = None) -> pd.DataFrame:
    """Rows of one training seed, and of some methods."""
    rows = frame.seed == seed
    if methods is not None:
        rows &= frame.method.isin(methods)
    return frame.loc[rows]


def attacked(view: View, seed: int, attack: str | None = None) -> pd.DataFrame:
    """Rows of `attacks` of one attack (by default the main one), at the study's eps."""
    frame = of_run(view.table("attacks"), seed)
    return frame.loc[(frame["attack"] == (attack or view.main)) & np.isclose(frame["eps"].to_numpy(float), view.eps)]


def outcomes(view: View, sample: int, seed: int) -> pd.DataFrame:
    """One row per method: what the main attack made of a sample; indexed by method."""
    frame = attacked(view, seed)
    return frame[frame.id == sample].set_index("method")


def contested(view: View, seed: int) -> list[int]:
    """Ids that the main attack turns for some methods and not for others."""
    return _contested(str(view.path), view.stamp, seed, view)


@st.cache_resource(show_spinner=False, max_entries=64)
def _contested(path: str, stamp: int, seed: int, _view: View) -> list[int]:
    if not _view.has("attacks"):
        return []
    turned = attacked(_view, seed).groupby("id").success.mean()
    return [int(sample) for sample in turned.index[(turned > 0) & (turned < 1)]]


def lost(view: View, seed: int, methods: tuple[str, ...]) -> set[int]:
    """Ids that the main attack turns for every one of some methods; none if the study has none of them."""
    if not view.has("attacks"):
        return set()
    rows = of_run(attacked(view, seed), seed, list(methods))
    turned = rows.groupby("id").success.min()
    return {int(sample) for sample in turned.index[turned.to_numpy(bool)]}


def verdicts(view: View, sample: int, seed: int | None = None) -> str:
    """How many methods keep a sample under the main attack, in words."""
    if not view.has("attacks"):
        return ""
    rows = outcomes(view, sample, view.seeds[0] if seed is None else seed)
    kept = int((~rows.success).sum())
    return f"kept by {kept} of {len(rows)} methods"


def neighbours(view: View, sample: int, seed: int, kind: str, k: int) -> dict[str, pd.DataFrame]:
    """The k nearest training images of a query, nearest first, per method.

    Args:
        view: The study.
        sample: Id of the query.
        seed: Training seed.
        kind: "clean" or "adversarial" query.
        k: How many.
    """
    frame = of_run(view.table("neighbours"), seed)
    rows = frame.loc[(frame["id"] == sample) & (frame["kind"] == kind) & (frame["rank"] <= k)]
    rows = rows.sort_values(by="rank")
    return {str(method): part for method, part in rows.groupby("method", sort=False)}


def failing(view: View, seed: int, methods: list[str], k: int) -> list[int]:
    """Ids whose adversarial query finds, for some of the methods, mostly images of other classes."""
    frame = of_run(view.table("neighbours"), seed, methods)
    rows = frame[(frame.kind == "adversarial") & (frame["rank"] <= k)]
    right = (rows.neighbour_y == rows.y).groupby([rows.method, rows.id]).mean()
    return sorted({int(sample) for _, sample in right.index[right < 0.5]})


def adversarial(view: View, method: str, seed: int) -> np.ndarray:
    """Images of the main attack on one model, in the order of `images/test`, numbers in [0, 1]."""
    arrays = view.arrays(f"adversarial/{method}-seed{seed}")
    return arrays[view.main] if view.main in arrays else next(iter(arrays.values()))


def most_neighbours(view: View) -> int:
    """How many neighbours of each query the study keeps."""
    return int(view.table("neighbours")["rank"].to_numpy().max())


def said(view: View, method: str, seed: int, sample: int) -> Said:
    """What a model says of a test image, clean and under the main attack."""
    table = _said(str(view.path), view.stamp, view, method, seed)
    return table[sample]


@st.cache_resource(show_spinner=False, max_entries=64)
def _said(path: str, stamp: int, _view: View, method: str, seed: int) -> dict[int, Said]:
    rows = of_run(attacked(_view, seed), seed, [method])
    columns = (rows[column].to_numpy() for column in ("id", "clean_prediction", "prediction"))
    return {int(i): Said(int(clean), int(moved)) for i, clean, moved in zip(*columns, strict=True)}


def shifted(view: View, seed: int, methods: list[str]) -> pd.DataFrame:
    """Rows of `shift` of the main attack at the study's eps."""
    rows = of_run(view.table("shift"), seed, methods)
    return rows.loc[(rows["attack"] == view.main) & np.isclose(rows["eps"].to_numpy(float), view.eps)]


def largest_turns(view: View, method: str, seed: int, count: int) -> list[int]:
    """Ids of the images whose embedding the main attack turns furthest, the furthest first."""
    rows = shifted(view, seed, [method])
    return [int(i) for i in rows.nlargest(count, "angle")["id"]]


def measures(view: View, methods: list[str], seed: int, ids: list[int]) -> pd.DataFrame:
    """Median shift measures of some images, a column per method, in words.

    Args:
        view: The study.
        methods: Which.
        seed: Training seed.
        ids: Test images.
    """
    rows = shifted(view, seed, methods)
    rows = rows.loc[rows["id"].isin(ids)]
    medians = rows.groupby("method")[list(MEASURES)].median().reindex(methods)
    return medians.rename(columns=MEASURES).T.round(3)


class Misjudged(NamedTuple):
    """What a detector gets wrong at a threshold.

    Attributes:
        passed: Rows of `detection`: adversarial, misclassified, below the threshold; lowest score first.
        refused: Clean, correct, at or above the threshold; highest score first.
        threshold: The score.
        positives: Misclassified adversarial images in all.
        negatives: Correct clean images in all.
    """

    passed: pd.DataFrame
    refused: pd.DataFrame
    threshold: float
    positives: int
    negatives: int


def detectors(frame: pd.DataFrame) -> list[str]:
    """Detection scores of a table, the Gaussian ones first."""
    return sorted(map(str, frame["detector"].unique()), key=lambda name: (not name.startswith("gaussian"), name))


def misjudged(
    view: View, method: str, seed: int, *, detector: str, eps: float, adaptive: bool, false_alarms: float
) -> Misjudged:
    """The images that a detector gets wrong where it refuses a share of the clean ones.

    Args:
        view: The study.
        method: Whose model.
        seed: Training seed.
        detector: The score.
        eps: Radius of the attack.
        adaptive: The attacker who knows the detector.
        false_alarms: Share of clean, correct images that may be refused, 0..1.
    """
    rows = selected(of_run(view.table("detection"), seed, [method]), detector, eps, adaptive, seed)
    wrong, clean = rows["prediction"] != rows["y"], rows["kind"] == "clean"
    positive, negative = rows.loc[~clean & wrong], rows.loc[clean & ~wrong]
    scores = Sides(positive["score"].to_numpy(float), negative["score"].to_numpy(float))
    threshold = own_threshold(scores, false_alarms)
    return Misjudged(
        positive.loc[positive["score"] < threshold].sort_values(by="score"),
        negative.loc[negative["score"] >= threshold].sort_values(by="score", ascending=False),
        threshold,
        len(positive),
        len(negative),
    )


class Refused(NamedTuple):
    """What a detector refuses of one method's images, at the threshold that each share of false alarms allows.

    Attributes:
        threshold: Refused are scores at or above this, shape (shares,); inf refuses none.
        positive: Misclassified adversarial images refused, shape (shares,).
        negative: Correct clean images refused, shape (shares,).
        tpr: True positive rate on the method's ROC curve, shape (shares,).
        fpr: False positive rate there, shape (shares,).
        positives: Misclassified adversarial images in all.
        negatives: Correct clean images in all.
    """

    threshold: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    tpr: np.ndarray
    fpr: np.ndarray
    positives: int
    negatives: int


def refused(
    rows: pd.DataFrame, methods: list[str], shares: np.ndarray, *, detector: str, eps: float, adaptive: bool
) -> dict[str, Refused]:
    """What a detector refuses, per method, for many thresholds at once.

    Args:
        rows: Rows of `detection` of one training seed.
        methods: In the order wanted.
        shares: Shares of clean, correct images that may be refused, 0..1.
        detector: The score.
        eps: Radius of the attack.
        adaptive: The attacker who knows the detector.
    """
    table = {}
    for method, scores in scores_by_method(selected(rows, detector, eps, adaptive), methods).items():
        at, tpr, fpr = np.full(len(shares), np.inf), np.zeros(len(shares)), np.zeros(len(shares))
        if all(map(len, scores)):
            curve = roc_curve(scores)
            spots = [curve.at_fpr(share) for share in shares]
            at, tpr, fpr = curve.threshold[spots], curve.tpr[spots], curve.fpr[spots]
        positive, negative = (np.count_nonzero(values >= at[:, None], axis=1) for values in scores)
        table[method] = Refused(at, positive, negative, tpr, fpr, len(scores.positive), len(scores.negative))
    return table


def findings(audit: pd.DataFrame) -> pd.DataFrame:
    """What the audit objects to: the rows that are neither OK nor not run, without the ids."""
    rows = audit.loc[~audit["verdict"].isin(["OK", "NOT RUN"])]
    return rows[["method", "seed", "check", "verdict", "evidence", "advice"]].reset_index(drop=True)


def ever_fooled(trajectory: pd.DataFrame) -> dict[int, int]:
    """How many methods each recorded image fools at some step."""
    hit = trajectory.loc[trajectory["success"].to_numpy(bool)]
    return {int(i): int(n) for i, n in hit.groupby("id")["method"].nunique().items()}  # pyright: ignore[reportArgumentType]


def steps(manifest: dict) -> pd.DataFrame:
    """One row per finished step of a study: name, seconds, files, rows, megabytes."""
    rows = [
        {
            "step": name,
            "seconds": entry.get("facts", {}).get("seconds"),
            "files": len(entry["files"]),
            "rows": sum(facts["rows"] or 0 for facts in entry["files"].values()),
            "MB": round(sum(facts["bytes"] for facts in entry["files"].values()) / 1e6, 2),
        }
        for name, entry in manifest["steps"].items()
    ]
    return pd.DataFrame(rows, columns=["step", "seconds", "files", "rows", "MB"])


def files(manifest: dict) -> pd.DataFrame:
    """One row per file of a study, with its SHA-256."""
    rows = [
        {"file": file, "rows": facts["rows"], "bytes": facts["bytes"], "sha256": facts["sha256"]}
        for entry in manifest["steps"].values()
        for file, facts in entry["files"].items()
    ]
    return pd.DataFrame(rows, columns=["file", "rows", "bytes", "sha256"])
