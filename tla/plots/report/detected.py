"""Can misclassified images be detected? ROC curves, scores, and the area of every detector."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from tla.plots.base import Frame
from tla.plots.drawing.scores import detector_label, detectors_of, selected
from tla.plots.drawing.theme import DASH
from tla.plots.drawing.words import number, percent
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, interval_text, number_cell, section, table
from tla.plots.report.material import Material
from tla.plots.risk_coverage import risk_coverage
from tla.plots.roc import roc
from tla.plots.score_histograms import score_histograms
from tla.statistics.coverage import failures, measure_intervals
from tla.statistics.intervals import Interval
from tla.statistics.roc import auc_interval, sides, tpr_interval

TITLE = "Detecting misclassified images"
Negatives = Literal["clean", "adversarial"]
PASSES: dict[Negatives, str] = {
    "clean": "clean and correct",
    "adversarial": "adversarial but still correct, the harder choice",
}

MEASURES = {"auroc": "AUROC of failure", "aurc": "AURC", "augrc": "AUGRC", "e_augrc": "E-AUGRC"}
SHORT: dict[Negatives, str] = {"clean": "clean images", "adversarial": "attacked images, still right"}


OVER_ALL = (
    "This study, one training each; clean and attacked rows of every image, right and wrong, with 95 % intervals over "
    "the images (jackknife). AUROC of failure: how often a wrong row scores above a right one. AURC: mean over "
    "coverage of the share of the accepted that is wrong; AUGRC: the same as a share of all rows; E-AUGRC: AUGRC less "
    "the least that this accuracy allows (Traub et al. 2024). Smaller is better, but for the first. A dash: nobody has "
    "a score, or, for AUROC, nobody is wrong or everybody."
)


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
    look, cases = material.look, list(_cases(material, detection))
    return section(
        "detection",
        TITLE,
        lead,
        embedded("roc", lambda view: roc(detection, look=view), look),
        embedded("scores", lambda view: score_histograms(detection, look=view), look),
        *(_table(material, cases, negatives) for negatives in PASSES),
        *_all_rows(material, detection, cases),
    )


class Case(NamedTuple):
    """An attacker, a detector and an eps: a line of the tables.

    Attributes:
        head: Its first cells.
        rows: Of each method.
        measures: Over all of these rows that have a score; None without any.
    """

    head: list[str]
    rows: dict[str, Frame]
    measures: dict[str, dict[str, Interval] | None]


def _all_rows(material: Material, detection: Frame, cases: list[Case]) -> list[str]:
    """Risk and coverage: no row is left out, so the order of the methods cannot turn with what is."""
    known = [attacker for attacker in (False, True) if (detection["adaptive"].astype(bool) == attacker).any()]
    figures = [
        embedded(
            "risk-adaptive" if attacker else "risk",
            lambda view, attacker=attacker: risk_coverage(detection, look=view, adaptive=attacker),
            material.look,
        )
        for attacker in known
    ]
    body = []
    for case in cases:
        for name, title in MEASURES.items():
            found = case.measures.values()
            cells = [f'<td class="none">{DASH}</td>' if part is None else number_cell(part[name], 3) for part in found]
            body.append([*case.head, title, *cells])
    columns = [] if material.look.condition else ["adaptive attack", "eps"]
    head = ["score; every row counts", *columns, "measure", *map(material.label, material.methods)]
    return [*figures, table(head, body, OVER_ALL)]


def _cases(material: Material, detection: Frame) -> Iterator[Case]:
    """Every attacker, detector and eps; the head of a condition is one cell."""
    for adaptive in (False, True):
        part = detection[detection["adaptive"].astype(bool) == adaptive]
        for name in detectors_of(part):
            for eps in sorted(part.loc[part["detector"] == name, "eps"].unique()):
                label = detector_label(name).removeprefix("the ")
                head = [f"<b>{label}</b>"]
                head += [] if material.look.condition else ["yes" if adaptive else "no", number(float(eps))]
                whole = selected(detection, name, float(eps), adaptive)
                rows = {method: whole[whole["method"] == method] for method in material.methods}
                yield Case(head, rows, {method: _intervals(one) for method, one in rows.items()})


def _intervals(rows: Frame) -> dict[str, Interval] | None:
    """The measures over all rows that have a score; None without any."""
    rows = rows[rows["score"].notna()]
    return measure_intervals(failures(rows)) if len(rows) else None


def _table(material: Material, cases: list[Case], negatives: Negatives) -> str:
    body = [
        [*case.head, *(_cell(rows, case.measures[method], negatives) for method, rows in case.rows.items())]
        for case in cases
    ]
    return table(
        [
            f"score; negatives: {SHORT[negatives]}",
            *([] if material.look.condition else ["adaptive attack", "eps"]),
            *(material.label(method) for method in material.methods),
        ],
        body,
        f"This study, first seed. Positives: adversarial and misclassified. Negatives: {PASSES[negatives]}. Area under "
        f"the ROC curve, and the share caught at {percent(0.05)} false alarms (TPR, bootstrap), each with its "
        "95 % interval over the images; below them AUROC of failure and AUGRC over all rows, which leave nothing out. "
        "A dash: one of the two kinds has no images, so there is nothing to detect.",
    )


def _cell(rows: Frame, over_all: dict[str, Interval] | None, negatives: Negatives) -> str:
    scores = sides(rows, negatives, missing="drop")
    if not all(map(len, scores)):
        return f'<td class="none">{DASH}</td>'
    caught = tpr_interval(scores)
    title = f"{len(scores.positive)} positives, {len(scores.negative)} negatives"
    cell = number_cell(auc_interval(scores), 3).replace("<td>", f'<td title="{title}">')
    beside = f"<small>TPR {percent(caught.value)} ({interval_text(caught)})</small>"
    if over_all is not None:
        words = [f"{name} {over_all[key].value:.3f}" for key, name in (("auroc", "all rows"), ("augrc", "AUGRC"))]
        beside += f"<small>{', '.join(words)}</small>"
    return cell.replace("</td>", f"{beside}</td>")
