"""Risk and coverage of misclassification detection: what is accepted and wrong, at every threshold."""

from collections.abc import Sequence

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.scores import detector_label, selected, the_eps
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import ends
from tla.statistics.coverage import failures, measure_intervals
from tla.statistics.coverage import risk_coverage as curve_of
from tla.statistics.intervals import Interval


@figure("risk_coverage", "detection")
def risk_coverage(
    detection: Frame,
    *,
    look: Look = LIGHT,
    detector: str | None = None,
    eps: float | int | None = None,
    adaptive: bool = False,
    methods: Sequence[str] | None = None,
) -> Figure:
    """Share of the accepted images that is wrong, against the share accepted; AUGRC in the legend.

    Every row counts, clean and adversarial, right and wrong: unlike the ROC of the poster, which leaves out attacked
    images that stay right and clean ones that are wrong.

    Args:
        detection: The `detection` table.
        look: Theme, width, source.
        detector: By default the Gaussian.
        eps: Of the attack, by default the largest.
        adaptive: The attacker who knows the detector.
        methods: Which methods, by default all.
    """
    rows = selected(detection, detector, eps, adaptive)
    rows = rows[~np.isnan(rows["score"].to_numpy(float))]
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, 1, height=360 if look.width >= 900 else 320, left=60, foot=50)
    panel, values, worst = sheet.panels[0], dict[str, Interval](), 0.05
    for method, style in styles.items():
        part = rows[rows["method"] == method]
        if part.empty:
            continue
        shown = failures(part)
        area, curve = measure_intervals(shown)["augrc"], curve_of(shown)
        values[style.label] = area
        worst = max(worst, float(curve["high"].iloc[len(curve) // 5 :].max()))
        sheet.add(panel, band(curve["coverage"], curve["low"], curve["high"], style.colour))
        name = f"{style.label} {area.value:.3f} [{area.low:.3f}, {area.high:.3f}]"
        sheet.add(panel, line(curve["coverage"], curve["risk"], style, name=name, markers=False), key=method)
    sheet.axis(panel, {"title": "coverage (share accepted)", "range": [0, 1.01]})
    sheet.axis(
        panel, None, {"title": "risk (share of the accepted that is wrong)", "range": [0, min(1.02, 1.05 * worst)]}
    )
    if not values:
        sheet.empty(panel, "no image has a score")
    return sheet.figure(_title(values, rows), _caption(rows, adaptive))


def _title(values: dict[str, Interval], rows: Frame) -> str:
    name = detector_label(str(rows["detector"].iloc[0])) if len(rows) else "the detector"
    if not values:
        return f"Risk and coverage of {name}: nothing to accept"
    words = ends(values, {label: label for label in values}, lambda value: f"{value:.3f}")
    return f"Risk and coverage of {name}: AUGRC {words}"


def _caption(rows: Frame, adaptive: bool) -> str:
    attack = "adaptive attack" if adaptive else "attack not adaptive"
    return (
        f"n = {rows['id'].nunique()} test images, each clean and attacked at eps = {radius_text(the_eps(rows))}; every "
        f"row counts; {attack}; one training each. "
        "Legend: AUGRC (smaller is better) with its 95 % interval over images; bands: 95 % (Wilson)."
    )
