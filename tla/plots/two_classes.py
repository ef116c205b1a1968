"""Two classes, and the adversarial images of one predicted as the other (the poster's second row of maps)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import MapPoints, Pairs, by_method, one_map
from tla.plots.drawing.map_traces import MapMeasures, arrows, cloud, fit_axes, no_points, subtitle
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import ends
from tla.statistics.intervals import wilson


class Confused(NamedTuple):
    """A true class and the class that its adversarial images are predicted as."""

    true: int
    false: int


@figure("two_classes", "map", optional=("shift",))
def two_classes(
    points: Frame,
    *,
    look: Look = LIGHT,
    shift: Frame | None = None,
    true: int | None = None,
    false: int | None = None,
    methods: Sequence[str] | None = None,
    projection: str | None = None,
    seed: int | None = None,
) -> Figure:
    """Clean images of two classes in each method's map, with the adversarial images of `true` predicted as `false`.

    Args:
        points: The `map` table.
        look: Theme, width, source.
        shift: The `shift` table, for a measurement in the full space above each map.
        true: Index of the true class; by default that of the pair most often confused under attack.
        false: Index of the predicted class.
        methods: Which methods, all by default.
        projection: By default umap.
        seed: The smallest by default.
    """
    points = one_map(points, projection, seed)
    pair = most_confused(points, true, false)
    styles = look.methods(points["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=270, head=46, left=10, foot=10)
    counts, parts, measured = {}, by_method(points, styles), MapMeasures(shift)
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        part = parts[method]
        shown = part.clean.where(np.isin(part.clean.y, pair))
        moved = part.pairs()
        crossing = moved.where((moved.y == pair.true) & (moved.prediction == pair.false))
        counts[style.label] = crossing.n
        fit_axes(sheet, panel, shown, crossing.ends)
        _clean(sheet, panel, shown, pair)
        _crossing(sheet, panel, crossing, pair)
        note = measured(method, crossing.id)
        sheet.title(panel, f"<b>{style.label}</b>: {crossing.n} cross" + subtitle(look, note))
    if not styles:
        no_points(sheet)
    one, other = look.class_name(pair.true), look.class_name(pair.false)
    n = int(points.loc[(points["y"] == pair.true) & (points["kind"] == "adversarial"), "id"].nunique())
    return sheet.figure(
        f"Classes {one} and {other}, and adversarial images of {one} predicted as {other}: {_range(counts, n)} of {n}",
        f"n = {n} attacked images of class {one} per method; lines lead from the clean image to the adversarial one. "
        "Distances in a map prove nothing: the line above each map is measured in the full space.",
    )


def most_confused(points: Frame, true: int | None = None, false: int | None = None) -> Confused:
    """The most frequent (true, predicted) pair of misclassified adversarial images, with what is given fixed.

    Without any misclassified image, the first two classes of the map.
    """
    y, prediction = points["y"].to_numpy(), points["prediction"].to_numpy()
    wrong = (points["kind"] == "adversarial").to_numpy(bool) & (prediction != y)
    wrong &= (True if true is None else y == true) & (True if false is None else prediction == false)
    pairs, counts = np.unique(np.stack([y[wrong], prediction[wrong]], axis=1), axis=0, return_counts=True)
    if len(pairs):
        return Confused(*pairs[counts.argmax()].tolist())
    classes = sorted(int(y) for y in points["y"].unique())
    true = true if true is not None else next((y for y in classes if y != false), 0)
    false = false if false is not None else next((y for y in classes if y != true), true + 1)
    return Confused(true, false)


def _clean(sheet: Sheet, panel: Panel, clean: MapPoints, pair: Confused) -> None:
    look = sheet.look
    for k, colour, symbol in ((pair.true, look.ordinal(0), "circle"), (pair.false, look.ordinal(3), "square")):
        marker = {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.85}
        trace = cloud(look, clean.where(clean.y == k), f"{look.class_name(k)} (clean)", **marker)
        sheet.add(panel, trace, key=f"clean {k}")


def _crossing(sheet: Sheet, panel: Panel, crossing: Pairs, pair: Confused) -> None:
    look = sheet.look
    if not crossing.n:
        sheet.note(panel, "none cross", 0.5, 0.02, xanchor="center", yanchor="bottom")
        return
    one, other = look.class_name(pair.true), look.class_name(pair.false)
    sheet.add(panel, arrows(crossing, f"path of {one}", look.shades.pale, width=0.8), key="path")
    marker = {"color": look.shades.wrong, "symbol": "triangle-left", "size": 9}
    edge = {"width": 0.7, "color": look.shades.paper}
    trace = cloud(look, crossing.ends, f"{one} predicted as {other} (adversarial)", **marker, line=edge)
    sheet.add(panel, trace, key="crossing")


def _range(counts: dict[str, int], n: int) -> str:
    if not counts:
        return "none"
    if min(counts.values()) == max(counts.values()):
        return str(next(iter(counts.values())))
    shares = {label: wilson(count, n) for label, count in counts.items()}
    return ends(shares, {label: label for label in counts}, lambda share: str(round(share * n)))
