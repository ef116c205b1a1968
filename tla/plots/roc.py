"""ROC curves of misclassification detection, with bootstrap bands."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.scores import detector_label, scores_by_method, selected, the_eps
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look, Style
from tla.plots.drawing.words import ends
from tla.statistics.intervals import Interval
from tla.statistics.roc import Sides, auc_interval, roc_band, roc_curve

PARTS = {"whole": (1.0, "whole curve"), "few": (0.1, "few false alarms")}


@figure("roc", "detection")
def roc(
    detection: Frame,
    *,
    look: Look = LIGHT,
    detector: str | None = None,
    eps: float | int | None = None,
    adaptive: bool = False,
    methods: Sequence[str] | None = None,
    threshold: float | int | None = None,
    false_alarms: float | int = 0.05,
    parts: Sequence[Literal["whole", "few"]] = ("whole", "few"),
) -> Figure:
    """ROC curve of one detection score, a line per method with its area in the legend.

    Args:
        detection: The `detection` table.
        look: Theme, width, source.
        detector: Which score; by default the Gaussian one if there is one, else the first.
        eps: Which eps; by default the largest, which exceeds that of training.
        adaptive: Show the attack that also evades the detector.
        methods: Which methods, all by default.
        threshold: Refuse scores at or above this; marked on every curve.
        false_alarms: Without a threshold, mark where this share of clean images is refused.
        parts: The "whole" curve, and the part with "few" false alarms (false positive rates up to 0.1).
    """
    rows = selected(detection, detector, eps, adaptive)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, len(parts), least=370, height=400 if look.width >= 900 else 340, head=26, left=60, foot=50)
    chance = {"type": "scatter", "mode": "lines", "name": "chance", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip"}
    chance["line"] = {"color": look.shades.soft, "dash": "dot", "width": 1}
    areas: dict[str, Interval] = {}
    counts = []
    scores = scores_by_method(rows, styles)
    for method, style in styles.items():
        if not all(map(len, scores[method])):
            sheet.add(sheet.panels[0], line([None], [None], style, name=f"{style.label}: none to detect"), key=method)
            continue
        areas[style.label] = auc_interval(scores[method])
        counts.append(tuple(map(len, scores[method])))
        for panel in sheet.panels:
            _curve(sheet, panel, scores[method], style, method, threshold, false_alarms)
    for panel, part in zip(sheet.panels, parts, strict=True):
        end, text = PARTS[part]
        sheet.add(panel, chance, key="chance")
        sheet.axis(panel, {"title": "false positive rate", "range": [-0.008 * end, 1.008 * end]})
        sheet.axis(panel, None, {"title": "true positive rate", "range": [-0.01, 1.02]})
        sheet.title(panel, text)
        if not areas:
            sheet.empty(panel, "nothing to detect:<br>no misclassified image with a score")
    return sheet.figure(_title(areas, rows), _caption(rows, counts, threshold, false_alarms))


def _curve(
    sheet: Sheet,
    panel: Panel,
    scores: Sides,
    style: Style,
    key: str,
    threshold: float | int | None,
    false_alarms: float | int,
) -> None:
    area, around, curve = auc_interval(scores), roc_band(scores), roc_curve(scores)
    sheet.add(panel, band(around["fpr"], around["low"], around["high"], style.colour))
    name = f"{style.label} {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"
    bends = curve.bends
    x, y = curve.fpr[bends].astype(np.float32), curve.tpr[bends]
    sheet.add(panel, line(x, y, style, name=name, markers=False), key=key)
    if threshold is None:
        index = curve.at_fpr(false_alarms)
    else:
        index = int(np.searchsorted(-curve.threshold, -threshold, side="right") - 1)
    spot = {
        "type": "scatter", "mode": "markers", "name": f"{style.label} at the threshold",
        "x": [float(curve.fpr[index])], "y": [float(curve.tpr[index])],
        "marker": {
            "color": style.colour, "symbol": style.symbol, "size": 11,
            "line": {"color": sheet.look.shades.ink, "width": 1},
        },
        "hovertemplate": f"{style.label}: refuses %{{y:.1%}} at %{{x:.1%}} false alarms<extra></extra>",
    }  # fmt: skip
    sheet.add(panel, spot)


def _title(areas: dict[str, Interval], rows: Frame) -> str:
    name = detector_label(str(rows["detector"].iloc[0])) if len(rows) else "the detector"
    if not areas:
        return f"Detecting misclassified images with {name}: nothing to detect"
    values = ends(areas, {label: label for label in areas}, lambda area: f"{area:.3f}")
    return f"Detecting misclassified images with {name}: AUC {values}"


def _caption(
    rows: Frame, counts: list[tuple[int, ...]], threshold: float | int | None, false_alarms: float | int
) -> str:
    mark = f"{100 * false_alarms:g} % false alarms" if threshold is None else f"the threshold {threshold:.4g}"
    bounds = "no positives"
    if counts:
        least, most = (f(count[0] for count in counts) for f in (min, max))
        bounds = f"{least} to {most} positives" if least != most else f"{least} positives"
        bounds += f", up to {max(count[1] for count in counts)} negatives per method"
    attack = "adaptive attack" if len(rows) and bool(rows["adaptive"].iloc[0]) else "attack not adaptive"
    return (
        f"Positives: adversarial and misclassified at eps = {radius_text(the_eps(rows))}; negatives: clean and correct "
        f"({bounds}); {attack}; one training each. "
        f"Legend: AUC with 95 % interval over images; band: bootstrap; markers: {mark}."
    )
