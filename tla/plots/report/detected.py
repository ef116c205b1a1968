"""Can misclassified images be detected? ROC curves, scores, and the area of every detector."""

from typing import Literal

from tla.plots.base import Frame
from tla.plots.drawing.scores import detector_label, detectors_of, selected
from tla.plots.drawing.theme import DASH
from tla.plots.drawing.words import number, percent
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, interval_text, number_cell, section, table
from tla.plots.report.material import Material
from tla.plots.roc import roc
from tla.plots.score_histograms import score_histograms
from tla.statistics.roc import auc_interval, sides, tpr_interval

TITLE = "Detecting misclassified images"
Negatives = Literal["clean", "adversarial"]
PASSES: dict[Negatives, str] = {
    "clean": "clean and correct",
    "adversarial": "adversarial but still correct, the harder choice",
}

SHORT: dict[Negatives, str] = {"clean": "clean images", "adversarial": "attacked images, still right"}


def detected(material: Material) -> str:
    """ROC curves with bands, histograms, and a table of all detectors."""
    detection = material.table("detection")
    if detection is None:
        return absent("detection", TITLE, "detection curves", "detection", "analyse", material.name)
    lead = (
        "Positives are adversarial images that the model gets wrong, at an eps larger than in training. Negatives are "
        "clean images that it gets right; the second table takes harder ones, adversarial images that it still gets "
        "right. A detector that the attacker knows does worse: curves without an adaptive attacker are labelled as "
        "such."
    )
    look = material.look
    return section(
        "detection",
        TITLE,
        lead,
        embedded("roc", lambda view: roc(detection, look=view), look),
        embedded("scores", lambda view: score_histograms(detection, look=view), look),
        *(_table(material, detection, negatives) for negatives in PASSES),
    )


def _table(material: Material, detection: Frame, negatives: Negatives) -> str:
    body = []
    for adaptive in (False, True):
        part = detection[detection["adaptive"].astype(bool) == adaptive]
        for name in detectors_of(part):
            for eps in sorted(part["eps"].unique()):
                rows = selected(detection, name, float(eps), adaptive)
                label = detector_label(name).removeprefix("the ")
                head = [f"<b>{label}</b>", "yes" if adaptive else "no", number(float(eps))]
                body.append(head + [_cell(rows[rows["method"] == method], negatives) for method in material.methods])
    return table(
        [
            f"score; negatives: {SHORT[negatives]}",
            "adaptive attack",
            "eps",
            *(material.label(method) for method in material.methods),
        ],
        body,
        f"This study, first seed. Positives: adversarial and misclassified. Negatives: {PASSES[negatives]}. Area under "
        f"the ROC curve, and the share caught at {percent(0.05)} false alarms (TPR, bootstrap), each with its "
        "95 % interval over the images. A dash: one of the two kinds has no images, so there is nothing to detect.",
    )


def _cell(rows: Frame, negatives: Negatives) -> str:
    scores = sides(rows, negatives, missing="drop")
    if not all(map(len, scores)):
        return f'<td class="none">{DASH}</td>'
    caught = tpr_interval(scores)
    title = f"{len(scores.positive)} positives, {len(scores.negative)} negatives"
    cell = number_cell(auc_interval(scores), 3).replace("<td>", f'<td title="{title}">')
    return cell.replace("</td>", f"<small>TPR {percent(caught.value)} ({interval_text(caught)})</small></td>")
