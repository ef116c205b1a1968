"""Training: how each model was trained."""

from html import escape
from typing import Any

import numpy as np

from tla.plots.base import Frame
from tla.plots.drawing.theme import DASH
from tla.plots.learning_curves import learning_curves
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, section, table
from tla.plots.report.material import Material

TITLE = "Training"


def trained(material: Material) -> str:
    """Learning curves and each model's last epoch."""
    history = material.table("history")
    if history is None:
        return absent("training", TITLE, "learning curves", "history", "train", material.name)
    reasons = _reasons(material)
    lead = (
        "All methods share schedule, selection, batch normalisation and seeds; accuracies are on held-out training "
        "images, never on the test set."
    )
    start = material.recorded("start", "name")
    if start:
        lead += f" All of them train {escape(str(start))} further, from the same weights."
    if reasons:
        lead = f"The methods were not trained alike: {'; '.join(reasons)}."
    device = escape(str(material.recorded("hardware", "device") or "unknown hardware"))
    several = history["seed"].nunique() > 1
    what = "mean over the seeds, below it the smallest and the largest" if several else "its one seed"
    return section(
        "training",
        TITLE,
        lead,
        embedded("learning", lambda view: learning_curves(history, look=view), material.look),
        table(
            ["", "seeds", "epochs", "clean, held out", "attacked, held out", "last loss", "active triplets", "seconds"],
            _body(material, history),
            f"This study, last epoch of each training: {what}; seconds on {device}.",
        ),
    )


def warning(material: Material) -> str:
    """Banners at the top of the page: models that differ in more than the method, attacks that are too short."""
    return _unfair(material) + _short(material)


def _short(material: Material) -> str:
    """Attacks of the evaluation that cannot reach the border of the ball."""
    reasons = material.recorded("short") or []
    if not reasons:
        return ""
    text = "; ".join(escape(str(reason)) for reason in reasons)
    return f'<p class="unfair" role="note"><strong>The evaluation is too short.</strong> {text}.</p>'


def _unfair(material: Material) -> str:
    reasons = _reasons(material)
    if not reasons:
        return ""
    text = "; ".join(reasons)
    return (
        '<p class="unfair" role="note"><strong>This comparison is not fair.</strong> '
        f"Here {text}. Differences between its methods are not due to the methods alone.</p>"
    )


def _reasons(material: Material) -> list[str]:
    """Why the comparison is not fair; in a sweep, which varies settings, only the use of test images counts."""
    reasons = material.recorded("fairness", "reasons") or []
    swept = material.recorded("sweep") is not None
    return [escape(str(reason)) for reason in reasons if not swept or "test images" in str(reason)]


def _body(material: Material, history: Frame) -> list[list[str]]:
    """One row per method: the last epoch of its trainings."""
    last = history.sort_values("epoch").groupby(["method", "seed"], as_index=False).last()
    seconds = history.groupby(["method", "seed"])["seconds"].sum()
    body = []
    for method in material.methods:
        rows = last[last["method"] == method]
        if rows.empty:
            continue
        active = rows["active"] if "active" in rows else rows["loss"] * np.nan
        cells = [
            _cell(100 * rows["clean_accuracy"], 1),
            _cell(100 * rows["robust_accuracy"], 1),
            _cell(rows["loss"], 3),
            _cell(active, 2),
            _cell(seconds[method], 1),
        ]
        seeds = ", ".join(str(seed) for seed in sorted(rows["seed"]))
        body.append([f"<b>{material.label(method)}</b>", seeds, str(int(rows["epoch"].max()) + 1), *cells])
    return body


def _cell(values: Any, digits: int) -> str:
    """The mean over trainings, with the smallest and the largest if there are several."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    if not len(known):
        return f'<td class="none">{DASH}</td>'
    bounds = f"<small>{known.min():.{digits}f} to {known.max():.{digits}f}</small>" if len(known) > 1 else ""
    return f"<td>{known.mean():.{digits}f}{bounds}</td>"
