"""Maps side by side: clean points, and arrows to where the attack moves them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import MapPoints, MethodPoints, Pairs, by_method, common_classes, one_map, positions
from tla.plots.drawing.map_traces import MapMeasures, arrows, cloud, fit_axes, no_points, subtitle
from tla.plots.drawing.rows import counted
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import spread
from tla.statistics.intervals import Interval

COLOURED = {
    "true": "class",
    "predicted": "the class predicted after the attack",
    "flipped": "whether the attack changes the prediction",
}


@figure("shift_arrows", "map", optional=("shift",))
def shift_arrows(
    points: Frame,
    *,
    look: Look = LIGHT,
    shift: Frame | None = None,
    methods: Sequence[str] | None = None,
    classes: Sequence[int] | None = None,
    projection: str | None = None,
    seed: int | None = None,
    most_arrows: int = 120,
    colour: Literal["true", "predicted", "flipped"] = "true",
    marked: Sequence[int] = (),
) -> Figure:
    """Where an attack moves the representations: one map per method, an arrow per image from clean to adversarial.

    Args:
        points: The `map` table.
        look: Theme, width, source.
        shift: The `shift` table, for a measurement in the full space above each map.
        methods: Which methods, all by default.
        classes: Only images of these classes, all by default.
        projection: By default umap.
        seed: The smallest by default.
        most_arrows: Maximum number of arrows per panel; more are thinned evenly.
        colour: What the colour of a clean image shows: its true class, the class predicted for its adversarial twin,
            or whether the attack flips the prediction.
        marked: Ids of images to ring, clean and adversarial.
    """
    points = one_map(points, projection, seed)
    styles = look.methods(points["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=270, head=46, left=10, foot=10)
    coloured, parts, measured = common_classes(points["y"].to_numpy()), by_method(points, styles), MapMeasures(shift)
    fooled: dict[str, Interval] = {}
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        fit_axes(sheet, panel, *parts[method])
        part = parts[method] if classes is None else parts[method].of_classes(classes)
        pairs = part.pairs()
        known = pairs.y >= 0
        fooled[method] = counted(pairs.wrong[known])
        dots = part.clean.thin(look.points)
        if colour == "flipped":
            _flipped(sheet, panel, dots, pairs)
        else:
            _by_class(sheet, panel, dots if colour == "true" else _with_prediction(dots, pairs), coloured)
        _arrows(sheet, panel, pairs.thin(most_arrows))
        _rings(sheet, panel, part, marked)
        note = measured(method, pairs.id)
        head = f": {pairs.misclassified()}" if known.any() else ""
        sheet.title(panel, f"<b>{style.label}</b>{head}{subtitle(look, note)}")
    if not styles:
        no_points(sheet)
    labels = {name: style.label for name, style in styles.items()}
    n, known = points["id"].nunique(), bool((points["y"] >= 0).any())
    end = f": {spread(fooled, labels)} end in a wrong class" if known else "" if n else ": no points"
    return sheet.figure(
        f"Where the attack moves the images{end}",
        f"n = {n} test images; dots: clean images, coloured by {COLOURED[colour]}; arrows lead to the adversarial "
        f"image for at most {most_arrows} of them. Distances in a map prove nothing: the line above each map is "
        "measured in the full space.",
    )


def _by_class(sheet: Sheet, panel: Panel, dots: MapPoints, coloured: list[int]) -> None:
    look = sheet.look
    for k in (k for k in coloured if k >= 0):
        mask = dots.y == k
        if mask.any():
            marker = {"color": look.class_colour(k), "symbol": look.class_symbol(k), "size": 5, "opacity": 0.75}
            trace = cloud(look, dots.where(mask), look.class_name(k), **marker)
            sheet.add(panel, trace | {"legendrank": 900 + k}, key=f"class {k}")
    unknown = dots.y < 0
    if unknown.any():
        marker = {"color": look.shades.right, "size": 5, "opacity": 0.6}
        sheet.add(panel, cloud(look, dots.where(unknown), "clean", **marker), key="clean")
    others = ~np.isin(dots.y, coloured) & ~unknown
    if others.any():
        sheet.add(panel, cloud(look, dots.where(others), "other classes", color=look.shades.pale, size=4), key="other")


def _with_prediction(dots: MapPoints, pairs: Pairs) -> MapPoints:
    """The dots that have an adversarial twin, with the twin's predicted class as their class."""
    index = positions(pairs.id, dots.id)
    return dots.where(index >= 0)._replace(y=pairs.prediction[index[index >= 0]])


def _flipped(sheet: Sheet, panel: Panel, dots: MapPoints, pairs: Pairs) -> None:
    look, shade = sheet.look, sheet.look.shades
    changed = np.isin(dots.id, pairs.id[pairs.wrong])
    for name, mask, hue, symbol in (
        ("stays right", ~changed, shade.right, "circle"),
        ("flipped", changed, shade.wrong, "x"),
    ):
        if mask.any():
            marker = {"color": hue, "symbol": symbol, "size": 5, "opacity": 0.8}
            sheet.add(panel, cloud(look, dots.where(mask), name, **marker), key=name)


def _rings(sheet: Sheet, panel: Panel, part: MethodPoints, marked: Sequence[int]) -> None:
    """Rings around marked images, heavier ones around their adversarial twins."""
    for points, size, width in ((part.clean, 12, 1.5), (part.adversarial, 15, 2.5)):
        ringed = points.where(np.isin(points.id, marked))
        if ringed.n:
            ring = {"symbol": "circle-open", "color": sheet.look.shades.ink, "size": size, "line": {"width": width}}
            sheet.add(panel, {**cloud(sheet.look, ringed, "marked"), "marker": ring}, key="marked")


def _arrows(sheet: Sheet, panel: Panel, pairs: Pairs) -> None:
    shade, wrong = sheet.look.shades, pairs.wrong & (pairs.y >= 0)
    if pairs.n and not (pairs.y >= 0).any():
        sheet.add(panel, arrows(pairs, "to the attacked image", shade.soft, width=0.8), key="moved")
        return
    if not wrong.all():
        sheet.add(panel, arrows(pairs.where(~wrong), "still right", shade.soft, width=0.8), key="still right")
    if wrong.any():
        sheet.add(panel, arrows(pairs.where(wrong), "misclassified", shade.ink, width=1.1), key="misclassified")
