"""One class's adversarial images, coloured by predicted class (the poster's first row of maps)."""

from collections.abc import Sequence

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import MapPoints, by_method, one_map
from tla.plots.drawing.map_traces import MapMeasures, cloud, fit_axes, no_points, subtitle
from tla.plots.drawing.rows import counted
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import misclassified, spread
from tla.statistics.intervals import Interval


@figure("one_class", "map", optional=("shift",))
def one_class(
    points: Frame,
    *,
    look: Look = LIGHT,
    shift: Frame | None = None,
    klass: int | None = None,
    methods: Sequence[str] | None = None,
    projection: str | None = None,
    seed: int | None = None,
) -> Figure:
    """The adversarial images of one class in each method's map, coloured and shaped by the predicted class.

    Args:
        points: The `map` table.
        look: Theme, width, source.
        shift: The `shift` table, for a measurement in the full space above each map.
        klass: Index of the class; by default the one most often misclassified under attack.
        methods: Which methods, all by default.
        projection: By default umap.
        seed: The smallest by default.
    """
    points = one_map(points, projection, seed)
    klass = most_fooled(points) if klass is None else klass
    styles = look.methods(points["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=270, head=46, left=10, foot=10)
    parts, measured = by_method(points, styles), MapMeasures(shift)
    fooled: dict[str, Interval] = {}
    n = 0
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        part = parts[method]
        fit_axes(sheet, panel, *part)
        attacked = part.adversarial.where(part.adversarial.y == klass)
        n = max(n, attacked.n)
        fooled[method] = counted(attacked.wrong)
        _context(sheet, panel, part.clean, klass)
        _predicted(sheet, panel, attacked)
        note = measured(method, attacked.id)
        pairs = part.pairs()
        head = pairs.where(pairs.y == klass).misclassified() or misclassified(fooled[method].value, float("nan"))
        sheet.title(panel, f"<b>{style.label}</b>: {head}{subtitle(look, note)}")
        if not attacked.n:
            sheet.empty(panel, f"no adversarial image of class {look.class_name(klass)}")
    if not styles:
        no_points(sheet)
    name = look.class_name(klass)
    shares = spread(fooled, {key: style.label for key, style in styles.items()})
    return sheet.figure(
        f"Adversarial images of class {name}, coloured by prediction: {f'{shares} are misclassified' if n else 'none'}",
        f"n = {n} adversarial images of class {name} per map; → 3: predicted as 3; pale: clean images. "
        "Distances in a map prove nothing: the line above each map is measured in the full space.",
    )


def most_fooled(points: Frame) -> int:
    """The class with the most misclassified adversarial images over all methods; the smallest index on ties."""
    y = points["y"].to_numpy()
    attacked = (points["kind"] == "adversarial").to_numpy(bool)
    wrong = attacked & (points["prediction"].to_numpy() != y)
    classes, counts = np.unique(y[wrong if wrong.any() else attacked], return_counts=True)
    return int(classes[counts.argmax()]) if len(classes) else 0


def _context(sheet: Sheet, panel: Panel, clean: MapPoints, klass: int) -> None:
    look, own = sheet.look, clean.y == klass
    pale = {"color": look.shades.pale, "size": 4, "opacity": 0.6}
    others = clean.where(~own).thin(look.points)
    sheet.add(panel, cloud(look, others, "other classes (clean)", **pale), key="context")
    marker = {
        "color": look.class_colour(klass),
        "symbol": "circle-open",
        "size": 7,
        "opacity": 0.8,
        "line": {"width": 1.3},
    }
    sheet.add(panel, cloud(look, clean.where(own), f"{look.class_name(klass)} (clean)", **marker), key="own")


def _predicted(sheet: Sheet, panel: Panel, attacked: MapPoints) -> None:
    look = sheet.look
    for k in np.unique(attacked.prediction).tolist():
        group = attacked.where(attacked.prediction == k)
        marker = {"color": look.class_colour(k), "symbol": look.class_symbol(k), "size": 8}
        edge = {"width": 0.6, "color": look.shades.paper}
        trace = cloud(look, group, f"→ {look.class_name(k)}", **marker, line=edge)
        sheet.add(panel, {**trace, "legendrank": 1100 + k}, key=f"class {k}")
