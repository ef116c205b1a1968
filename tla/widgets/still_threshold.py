"""A still picture of a threshold: ROC curves with a mark each, and histograms of the scores."""

import numpy as np

from tla.plots.drawing.theme import LIGHT, LIGHT_SHADES
from tla.statistics.roc import Sides, roc_curve
from tla.widgets.detection import Detection
from tla.widgets.stills import INK, SOFT, Number, Still, faded

SIDE, WIDE, HIGH, GAP, BINS = 240, 250, 104, 14, 30


def still_threshold(detection: Detection, thresholds: dict[str, float], share: float | int) -> bytes:
    """The ROC curves and histograms as a PNG.

    Args:
        detection: The scores.
        thresholds: Of each method.
        share: Of the clean images that may be refused, 0..1.
    """
    methods = detection.methods
    rows = -(-len(methods) // 2)
    still = Still(SIDE + 2 * (WIDE + GAP) + 3 * GAP, max(SIDE + 60, 40 + rows * (HIGH + 34)))
    styles = LIGHT.methods(methods)
    still.text(GAP, 10, f"{detection.detector}: {100 * share:.1f} % of the clean images refused", size=14)
    left, top = GAP, 40
    still.box(left, top, SIDE, SIDE)
    for method in methods:
        sides = Sides(detection.positive[method].score, detection.negative[method].score)
        if not all(map(len, sides)):
            continue
        curve = roc_curve(Sides(*(side.astype(float) for side in sides)))
        points = [(left + x * SIDE, top + (1 - y) * SIDE) for x, y in zip(curve.fpr, curve.tpr, strict=True)]
        still.line(points, styles[method].colour, 1.5)
        spot = int(np.count_nonzero(curve.threshold >= thresholds[method])) - 1
        x, y = points[max(spot, 0)]
        still.symbol(styles[method].symbol, float(x), float(y), 5, styles[method].colour)
    still.text(left, top + SIDE + 6, "clean images refused", size=11, colour=SOFT)
    for number, method in enumerate(methods):
        row, column = divmod(number, 2)
        place = (SIDE + 2 * GAP + column * (WIDE + GAP), 40 + row * (HIGH + 34))
        _histogram(still, detection, method, thresholds[method], *place, label=styles[method].label)
    return still.png()


def _histogram(
    still: Still, detection: Detection, method: str, threshold: float, left: Number, top: Number, *, label: str
) -> None:
    sides = [detection.negative[method].score, detection.positive[method].score]
    still.text(left, top, label, size=12)
    scores = np.concatenate(sides).astype(float)
    if not len(scores):
        return
    low, high = np.quantile(scores, [0.005, 0.93])
    span = max(float(high - low), 1e-9)
    foot = top + HIGH + 16
    for side, colour in zip(sides, (LIGHT_SHADES.right, LIGHT_SHADES.wrong), strict=True):
        counts, _ = np.histogram(np.clip(side, low, high), BINS, (low, low + span))
        for k, count in enumerate(counts):
            height = float(count / max(counts.max(), 1)) * (HIGH - 8)
            x = left + WIDE * k / BINS
            still.bar(x, foot - height, x + WIDE / BINS - 0.5, foot, faded(colour, 0.45))
    if np.isfinite(threshold):
        x = left + WIDE * min(max((threshold - float(low)) / span, 0.0), 1.0)
        still.line([(x, top + 16), (x, foot)], INK, 1.5)
