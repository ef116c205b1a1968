"""A detector's confusion matrix: what it refuses and passes at its threshold."""

from collections.abc import Sequence

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.heatmap import PLAIN, heatmap
from tla.plots.drawing.scores import detector_label, own_threshold, scores_by_method, selected, the_eps
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import percent, spread
from tla.statistics.intervals import Interval, wilson


@figure("confusion", "detection")
def confusion(
    detection: Frame,
    *,
    look: Look = LIGHT,
    detector: str | None = None,
    eps: float | int | None = None,
    adaptive: bool = False,
    methods: Sequence[str] | None = None,
    threshold: float | int | None = None,
    false_alarms: float | int = 0.05,
) -> Figure:
    """Misclassified and clean images that a detector refuses and passes at its threshold, a 2 x 2 matrix per method.

    Args:
        detection: The `detection` table.
        look: Theme, width, source.
        detector: Which score; by default the Gaussian one if there is one, else the first.
        eps: Which eps; by default the largest.
        adaptive: Show the attack that also evades the detector.
        methods: Which methods, all by default.
        threshold: Refuse scores at or above this; by default each method's own at `false_alarms`.
        false_alarms: Share of clean images refused at the default threshold.
    """
    rows = selected(detection, detector, eps, adaptive)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=280, height=92, head=26, left=112, foot=34)
    passed: dict[str, Interval] = {}
    by_method = scores_by_method(rows, styles)
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        scores = by_method[method]
        at = own_threshold(scores, false_alarms) if threshold is None else threshold
        refused = [int((kind >= at).sum()) for kind in scores]
        total = [len(kind) for kind in scores]
        counts = np.array([[refused[0], total[0] - refused[0]], [refused[1], total[1] - refused[1]]], dtype=float)
        shares = 100 * counts / np.maximum(np.array(total)[:, None], 1)
        text = [[f"{int(counts[i, j])} ({shares[i, j]:.0f} %)" for j in range(2)] for i in range(2)]
        x, y = ["refused", "passed"], ["misclassified", "clean, correct"]
        sheet.add(panel, heatmap(shares, text, x, y, look, top=100, hover="%{y}, %{x}: %{text}"))
        sheet.axis(panel, PLAIN | {"automargin": False}, PLAIN | {"automargin": False, "autorange": "reversed"})
        sheet.title(panel, f"<b>{style.label}</b>")
        passed[method] = wilson(total[0] - refused[0], total[0])
    if not styles:
        sheet.empty(sheet.panels[0], "no scores")
    labels = {name: style.label for name, style in styles.items()}
    name = detector_label(str(rows["detector"].iloc[0])) if len(rows) else "the detector"
    mark = f"at {percent(false_alarms)} false alarms on clean images" if threshold is None else f"{threshold:.4g}"
    return sheet.figure(
        f"What {name} misses: {_words(spread(passed, labels), passed)}",
        f"Threshold {mark}; eps = {radius_text(the_eps(rows))}; "
        f"n = up to {rows['id'].nunique()} test images per method.",
    )


def _words(shares: str, passed: dict[str, Interval]) -> str:
    if not any(np.isfinite(value.value) for value in passed.values()):
        return "no image is misclassified"
    return f"{shares} of the misclassified images"
