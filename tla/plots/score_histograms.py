"""Distribution of detection scores: clean images against misclassified adversarial ones."""

from collections.abc import Sequence

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.scores import detector_label, own_threshold, scores_by_method, selected, the_eps
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look, rgba
from tla.plots.drawing.words import percent, spread
from tla.statistics.intervals import Interval, wilson
from tla.statistics.roc import Sides


@figure("score_histograms", "detection")
def score_histograms(
    detection: Frame,
    *,
    look: Look = LIGHT,
    detector: str | None = None,
    eps: float | int | None = None,
    adaptive: bool = False,
    methods: Sequence[str] | None = None,
    threshold: float | int | None = None,
    false_alarms: float | int = 0.05,
    bins: int = 40,
) -> Figure:
    """Histogram of one score per method: clean and correct against adversarial and misclassified, with the threshold.

    Args:
        detection: The `detection` table.
        look: Theme, width, source.
        detector: Which score; by default the Gaussian one if there is one, else the first.
        eps: Which eps; by default the largest.
        adaptive: Show the attack that also evades the detector.
        methods: Which methods, all by default.
        threshold: Refuse scores at or above this; by default each method's own at `false_alarms`.
        false_alarms: Share of clean images refused at the default threshold.
        bins: Number of bins; the outermost also count the scores beyond nearly all clean ones and 85 % of the
            positives.
    """
    rows = selected(detection, detector, eps, adaptive)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=255, ratio=0.55, head=26, left=52, foot=46)
    caught: dict[str, Interval] = {}
    by_method = scores_by_method(rows, styles)
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        scores = by_method[method]
        at = own_threshold(scores, false_alarms) if threshold is None else threshold
        _histogram(sheet, panel, scores, at, bins)
        sheet.axis(panel, "score", {"title": "share (%)", "rangemode": "tozero"})
        caught[method] = wilson(int((scores.positive >= at).sum()), len(scores.positive))
        result = f"{percent(caught[method].value)} caught" if len(scores.positive) else "none misclassified"
        sheet.title(panel, f"<b>{style.label}</b>: {result}")
        _threshold(sheet, panel, at, style.label)
    if not styles:
        sheet.empty(sheet.panels[0], "no scores")
    name = detector_label(str(rows["detector"].iloc[0])) if len(rows) else "the detector"
    mark = f"{100 * false_alarms:g} % false alarms" if threshold is None else f"{threshold:.4g}"
    return sheet.figure(
        f"Scores of {name}: {_words(caught, {name: style.label for name, style in styles.items()})}",
        f"Larger = more suspicious; eps = {radius_text(the_eps(rows))}; threshold (dashed): {mark}; "
        f"n = up to {rows['id'].nunique()} test images per method; the outermost bars hold all scores beyond them.",
        layout={"barmode": "overlay"},
    )


def _words(caught: dict[str, Interval], labels: dict[str, str]) -> str:
    if not any(np.isfinite(value.value) for value in caught.values()):
        return "no image is misclassified"
    return f"{spread(caught, labels)} of the misclassified reach the threshold"


def _threshold(sheet: Sheet, panel: Panel, at: float, label: str) -> None:
    """A dashed line across a panel; none for an infinite threshold."""
    if np.isfinite(at):
        sheet.shapes.append({
            "type": "line", "name": f"threshold of {label}", "xref": panel.x, "yref": f"{panel.y} domain",
            "x0": at, "x1": at, "y0": 0, "y1": 1,
            "line": {"color": sheet.look.shades.ink, "width": 1.5, "dash": "dash"},
        })  # fmt: skip


def _window(scores: Sides, at: float) -> tuple[float, float]:
    """Range of the bins: nearly all negatives, most positives, the threshold; long tails would squash the rest.

    However long the tails, 95 % of the negatives keep a quarter of the width.
    """
    shares = ((scores.negative, (0.002, 0.998)), (scores.positive, (0.02, 0.85)))
    ends = [np.quantile(known, share) for values, share in shares if len(known := values[np.isfinite(values)])]
    low, high = min(end[0] for end in ends), max(end[1] for end in ends)
    if len(known := scores.negative[np.isfinite(scores.negative)]):
        bulk = float(np.quantile(known, 0.95))
        high = min(high, bulk + 3 * (bulk - low)) if bulk > low else high
    if np.isfinite(at):
        low, high = min(low, at), max(high, at)
    pad = 0.04 * (high - low) or 0.5
    return float(low - pad), float(high + pad)


def _histogram(sheet: Sheet, panel: Panel, scores: Sides, at: float, bins: int) -> None:
    shade = sheet.look.shades
    known = np.concatenate(scores)
    known = known[np.isfinite(known)]
    if not len(known):
        sheet.empty(panel, "no scores")
        return
    low, high = _window(scores, at)
    edges = np.linspace(low, high, bins + 1)
    kinds = (
        ("clean, correct", scores.negative, shade.right, ""),
        ("adversarial, misclassified", scores.positive, shade.wrong, "/"),
    )
    for name, values, colour, pattern in kinds:
        values = values[np.isfinite(values)]
        if not len(values):
            continue
        counts = np.histogram(np.clip(values, edges[0], edges[-1]), edges)[0]
        trace = {
            "type": "bar", "name": name, "x": ((edges[1:] + edges[:-1]) / 2).astype(np.float32),
            "y": (100 * counts / len(values)).astype(np.float32), "width": float(edges[1] - edges[0]),
            "marker": {
                "color": rgba(colour, 0.45), "line": {"color": colour, "width": 0.8},
                "pattern": {"shape": pattern, "fgcolor": colour, "size": 5, "solidity": 0.25},
            },
            "customdata": counts.astype(np.int32),
            "hovertemplate": f"{name}: score %{{x:.3g}}, %{{customdata}} images, %{{y:.1f}} %<extra></extra>",
        }  # fmt: skip
        sheet.add(panel, trace, key=name)
