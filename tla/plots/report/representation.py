"""Where the images go: the maps, and the measurements in the full space that maps cannot give."""

from tla.plots.base import Frame
from tla.plots.layer_cka import layer_cka
from tla.plots.one_class import one_class
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, number_cell, section, share_cell, table
from tla.plots.report.material import Material
from tla.plots.shift_arrows import shift_arrows
from tla.plots.shift_measures import shift_measures
from tla.plots.summary import Interval, bootstrap_mean, first_seed, number, wilson
from tla.plots.trajectory import trajectory
from tla.plots.two_classes import two_classes

MAPS = "Where the images go"
FULL = "How far they move: measured in the full space"


def maps(material: Material) -> str:
    """One class by prediction, two classes, and arrows, each map under a measurement in the full space."""
    points = material.table("map")
    if points is None:
        return absent("maps", MAPS, "maps", "map", "analyse", material.name)
    shift, look = material.table("shift"), material.look
    lead = (
        "Each map is drawn for one model alone; its axes mean nothing, and distances and gaps in it prove nothing. "
        "The line above each map is therefore measured in the full embedding space."
    )
    parts = [
        embedded("one-class", lambda view: one_class(points, look=view, shift=shift), look),
        embedded("two-classes", lambda view: two_classes(points, look=view, shift=shift), look),
        embedded("arrows", lambda view: shift_arrows(points, look=view, shift=shift), look),
        _trust(material),
    ]
    steps = material.table("trajectory")
    if steps is not None:
        parts.append(embedded("trajectory", lambda view: trajectory(steps, look=view, map=points), look))
    return section("maps", MAPS, lead, *parts)


def _trust(material: Material) -> str:
    """How much of each map's neighbourhoods is real, where the study measured it."""
    rows = material.table("trust")
    if rows is None:
        return ""
    columns = [name for name in rows.columns if rows[name].dtype.kind == "f"]
    keys = [name for name in ("method", "projection", "kind") if name in rows]
    body = []
    for key, part in first_seed(rows).groupby(keys, sort=False):
        names = [str(value) for value in (key if isinstance(key, tuple) else (key,))]
        names[0] = f"<b>{material.label(names[0])}</b>"
        body.append([*names, *(number(float(part[name].mean()), 3) for name in columns)])
    return table(
        [*keys, *(name.replace("_", " ") for name in columns)], body, "This study: how far the maps can be trusted."
    )


def measures(material: Material) -> str:
    """The shift measures as boxes and as a table with intervals, and the similarity layer by layer."""
    shift = material.table("shift")
    if shift is None:
        return absent("measures", FULL, "the measures of the shift", "shift", "analyse", material.name)
    look = material.look
    lead = (
        "Angle between the clean and the adversarial embedding; centroid margin (distance to the false minus distance "
        "to the own class centroid: below 0 the image lies nearer the false one); progress along the way to the false "
        "centroid; share of the ten nearest natural training images that have the image's own class."
    )
    parts = [embedded("shift-measures", lambda view: shift_measures(shift, look=view), look), _measured(material)]
    layers = material.table("layers")
    if layers is not None:
        parts.append(embedded("layers", lambda view: layer_cka(layers, look=view), look))
    return section("measures", FULL, lead, *parts)


def _measured(material: Material) -> str:
    rows, shift = material.shifted, material.table("shift")
    if rows is None or shift is None:
        return ""
    noise = first_seed(shift[shift["attack"] == "noise"])
    body = []
    for method in material.methods:
        part = rows[rows["method"] == method]
        groups = {
            "noise only (zero point)": noise[noise["method"] == method],
            "all attacked": part,
            "still right": part[part["group"] == "correct"],
            "misclassified": part[part["group"] == "misclassified"],
        }
        for i, (name, group) in enumerate(groups.items()):
            if len(group) or i == 1:
                body.append(
                    [f"<b>{material.label(method)}</b>" if i == min(1, int(noise.empty)) else "", *_row(name, group)]
                )
    eps, n = number(float(rows["eps"].iloc[0])), rows["id"].nunique()
    return table(
        ["", "images", "n", "angle (&deg;)", "margin", "nearer false centroid (%)", "progress", "own class of 10 (%)"],
        body,
        f"This study, first seed, n = {n} test images, eps = {eps}. Means with 95 % bootstrap intervals over the "
        "images (share nearer the false centroid: Wilson). Centroids and neighbours: natural training images. Which "
        "images are misclassified differs by method, so compare those rows with care.",
    )


def _row(name: str, group: Frame) -> list[str]:
    margin = group["margin"].dropna()
    nearer = wilson(float((margin < 0).mean()), len(margin)) if len(margin) else Interval(float("nan"), 0, 0)
    return [
        name,
        str(len(group)),
        number_cell(bootstrap_mean(group["angle"].to_numpy()), 1),
        number_cell(bootstrap_mean(group["margin"].to_numpy()), 3),
        share_cell(nearer),
        number_cell(bootstrap_mean(group["progress"].to_numpy()), 2),
        share_cell(bootstrap_mean(group["purity_own"].to_numpy())),
    ]
