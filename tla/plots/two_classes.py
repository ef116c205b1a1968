"""Two classes, and the adversarial images of one that are taken for the other (the poster's second row of maps)."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import MapPoints, Pairs, by_method, one_map
from tla.plots.drawing.map_traces import MapMeasures, arrows, cloud, fit_axes, no_points, subtitle
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look


class Confused(NamedTuple):
    """A true class and the class that its adversarial images are taken for."""

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
    """Clean images of two classes in each method's map, with the adversarial images of `true` taken for `false`.

    Args:
        points: The `map` table.
        look: Theme, width, source.
        shift: The `shift` table: a measurement in the full space above each map.
        true: Index of the true class; by default of the pair most often confused under attack.
        false: Index of the class it is taken for.
        methods: Which methods, by default all.
        projection: By default umap.
        seed: By default the smallest.
    """
    points = one_map(points, projection, seed)
    pair = most_confused(points, true, false)
    styles = look.methods(points["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=270, head=46, left=10, foot=10)
    counts, parts, measured = {}, by_method(points, styles), MapMeasures(shift)
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        part = parts[method]
        shown = part.clean.where(np.isin(part.clean.y, pair))
        both = part.pairs()
        crossed = both.where((both.y == pair.true) & (both.prediction == pair.false))
        counts[style.label] = crossed.n
        fit_axes(sheet, panel, shown, crossed.ends)
        _two(sheet, panel, shown, pair)
        _crossed(sheet, panel, crossed, pair)
        note = measured(method, crossed.id)
        sheet.title(panel, f"<b>{style.label}</b>: {crossed.n} cross" + subtitle(look, note))
    if not styles:
        no_points(sheet)
    one, other = look.class_name(pair.true), look.class_name(pair.false)
    n = int(points.loc[(points["y"] == pair.true) & (points["kind"] == "adversarial"), "id"].nunique())
    return sheet.figure(
        f"Classes {one} and {other}, and the adversarial images of {one} taken for {other}: {_range(counts)} of {n}",
        f"n = {n} attacked images of class {one} per method; lines lead from the clean image to the adversarial one. "
        "Distances in a map prove nothing: the line above each map is measured in the full space.",
    )


def most_confused(points: Frame, true: int | None = None, false: int | None = None) -> Confused:
    """The most frequent (true, predicted) pair of misclassified adversarial images; what is given stays.

    Without any misclassified image: two neighbouring classes of those there are.
    """
    y, prediction = points["y"].to_numpy(), points["prediction"].to_numpy()
    wrong = (points["kind"] == "adversarial").to_numpy(bool) & (prediction != y)
    wrong &= (True if true is None else y == true) & (True if false is None else prediction == false)
    found, counts = np.unique(np.stack([y[wrong], prediction[wrong]], axis=1), axis=0, return_counts=True)
    if len(found):
        return Confused(*found[counts.argmax()].tolist())
    there = sorted(int(y) for y in points["y"].unique())
    true = true if true is not None else next((y for y in there if y != false), 0)
    false = false if false is not None else next((y for y in there if y != true), true + 1)
    return Confused(true, false)


def _two(sheet: Sheet, panel: Panel, clean: MapPoints, pair: Confused) -> None:
    look = sheet.look
    for k, colour, symbol in ((pair.true, look.ordinal(0), "circle"), (pair.false, look.ordinal(3), "square")):
        marker = {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.85}
        trace = cloud(look, clean.where(clean.y == k), f"{look.class_name(k)} (clean)", **marker)
        sheet.add(panel, trace, key=f"clean {k}")


def _crossed(sheet: Sheet, panel: Panel, crossed: Pairs, pair: Confused) -> None:
    look = sheet.look
    if not crossed.n:
        sheet.note(panel, "none crosses", 0.5, 0.02, xanchor="center", yanchor="bottom")
        return
    one, other = look.class_name(pair.true), look.class_name(pair.false)
    sheet.add(panel, arrows(crossed, f"way of {one}", look.shades.pale, width=0.8), key="way")
    marker = {"color": look.shades.wrong, "symbol": "triangle-left", "size": 9}
    edge = {"width": 0.7, "color": look.shades.paper}
    trace = cloud(look, crossed.ends, f"{one} taken for {other} (adversarial)", **marker, line=edge)
    sheet.add(panel, trace, key="crossed")


def _range(counts: dict[str, int]) -> str:
    if not counts:
        return "none"
    low, high = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return str(counts[low]) if counts[low] == counts[high] else f"from {counts[low]} ({low}) to {counts[high]} ({high})"
