"""Where the images go: the maps, and the measurements in the full space that maps cannot replace."""

import pandas as pd

from tla.messages import radius_text
from tla.plots.base import Frame
from tla.plots.drawing.map_points import main_map, placement_text
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.words import number
from tla.plots.layer_cka import layer_cka
from tla.plots.one_class import one_class
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, number_cell, section, share_cell, table
from tla.plots.report.material import Material
from tla.plots.shift_arrows import shift_arrows
from tla.plots.shift_measures import MEASURES, shift_measures
from tla.plots.trajectory import trajectory
from tla.plots.two_classes import two_classes
from tla.statistics.intervals import Interval, bootstrap_mean, wilson

MAPS = "Where the images go"
GROUPS = {"all": "all", "correct": "still right", "misclassified": "misclassified"}
FULL = "How far they move: measured in the full space"


def maps(material: Material) -> str:
    """One class by prediction, two classes, and arrows, with a measurement in the full space above each map."""
    points = material.table("map")
    if points is None:
        return absent("maps", MAPS, "maps", "map", "analyse", material.name)
    shift, look = material.table("shift"), material.look
    lead = (
        "Each map shows one model only; its axes mean nothing, and distances and gaps in it prove nothing. "
        "The line above each map is therefore measured in the full embedding space."
    )
    note, labelled = _trust_note(material), bool((points["y"] >= 0).any())
    by_class = [("one-class", one_class), ("two-classes", two_classes)] if labelled else []
    parts = [
        *(
            embedded(name, lambda view, draw=draw: draw(points, look=view, shift=shift), look, note=note)
            for name, draw in by_class
        ),
        embedded("arrows", lambda view: shift_arrows(points, look=view, shift=shift), look, note=note),
        _trust(material),
    ]
    steps = material.table("trajectory")
    if steps is not None:
        seen = material.pictures
        parts.append(
            embedded(
                "trajectory", lambda view: trajectory(steps, look=view, map=points, pictures=seen), look, note=note
            )
        )
    return section("maps", MAPS, lead, *parts)


def _trust_note(material: Material) -> str:
    """A note for the caption of every map: how much of its neighbourhoods is real, over the methods."""
    rows = material.table("trust")
    if rows is None:
        return ""
    projection = main_map([str(name) for name in rows["projection"].unique()])
    rows = rows[rows["projection"] == projection]
    spans, chance, k = {}, {}, int(rows["k"].max())
    for name, part in first_seed(rows).groupby("measure", sort=False):
        ends = dict.fromkeys(f"{value:.2f}" for value in (part["value"].min(), part["value"].max()))
        spans[name], chance[name] = " to ".join(ends), f"{part['chance'].mean():.2f}"
    text = (
        f"{placement_text(projection)} "
        f"These maps keep a share of {spans['neighbour overlap']} of each point's {k} nearest neighbours (chance "
        f"{chance['neighbour overlap']}); trustworthiness {spans['trustworthiness']} (1 is perfect, "
        f"{chance['trustworthiness']} chance)."
    )
    if "overlap of seeds" in spans:
        text += f" With another seed, a share of {spans['overlap of seeds']} of them stays."
    return text


def _trust(material: Material) -> str:
    """How much of each map's neighbourhoods is real, and how much is chance, method by method."""
    rows = material.table("trust")
    if rows is None:
        return ""
    rows, body = first_seed(rows), []
    names = list(rows["measure"].unique())
    for method in material.methods:
        maps = rows[rows["method"] == method].groupby("projection", sort=False)
        for i, (projection, part) in enumerate(maps):
            values = part.set_index("measure")["value"].reindex(names)
            head = f"<b>{material.label(method)}</b>" if i == 0 else ""
            body.append([head, str(projection), *(f"{value:.3f}" for value in values)])
    chance = rows.groupby("measure")["chance"].mean().reindex(names)
    body.append(["chance", "", *(f"{value:.3f}" for value in chance)])
    k, n = int(rows["k"].max()), rows.groupby("measure")["n"].max()
    return table(
        ["", "map", *names],
        body,
        f"This study, first seed: neighbours on the map and in the full space, k = {k}, n = {n.max()} points. "
        f"Over seeds: pairs of maps of {n.min()} of the points; disparity is what rotation, scale and shift leave "
        "unexplained (0 is the same map).",
    )


def measures(material: Material) -> str:
    """The shift measures as box plots and as a table with intervals, and the similarity layer by layer."""
    shift = material.table("shift")
    if shift is None:
        return absent("measures", FULL, "the measures of the shift", "shift", "analyse", material.name)
    look = material.look
    lead = (
        "Angle between the clean and the adversarial embedding; centroid margin (distance to the false minus distance "
        "to its own class centroid: below 0 the image is nearer the false one); progress towards the false centroid; "
        "share of the ten nearest natural training images that have the image's own class."
    ) + material.gallery
    shown = [name for name in MEASURES if shift[name].notna().any()] or ["angle"]
    draw = lambda view: shift_measures(shift, look=view, measures=shown)  # noqa: E731
    parts = [embedded("shift-measures", draw, look), _measured(material)]
    parts.append(_separated(material))
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
    nearer = wilson(int((margin < 0).sum()), len(margin))
    return [
        name,
        str(len(group)),
        number_cell(bootstrap_mean(group["angle"].to_numpy()), 1),
        number_cell(bootstrap_mean(group["margin"].to_numpy()), 3),
        share_cell(nearer),
        number_cell(bootstrap_mean(group["progress"].to_numpy()), 2),
        share_cell(bootstrap_mean(group["purity_own"].to_numpy())),
    ]


SEPARATED = {
    "recall_1": ("recall@1 (%)", None), "map_at_r": ("MAP@R (%)", None), "violated": ("violated (%)", None),
    "silhouette": ("silhouette", 3), "ratio": ("within / between", 2), "effective_rank": ("effective rank", 1),
    "crowding": ("cosine between classes", 3),
}  # fmt: skip
"""Measures of the second table: heading, and number of digits (None: a share, in per cent)."""


def _separated(material: Material) -> str:
    """Retrieval, triplets, separation and collapse of every group, clean (the zero point) and attacked."""
    means, structure = material.table("measures"), material.table("structure")
    if means is None or structure is None:
        return ""
    means, structure = (first_seed(rows[rows["eps"] == rows["eps"].min()]) for rows in (means, structure))
    columns = {"mean": "value", "against": "kind"}
    rows = pd.concat([means[~means["measure"].isin(structure["measure"])].rename(columns=columns), structure])
    rows = rows.set_index(["method", "group", "kind", "measure"])[["n", "value", "low", "high"]].sort_index()
    body = []
    for method in material.methods:
        for i, (group, label) in enumerate(GROUPS.items()):
            for kind in ("clean", "adversarial"):
                if (method, group, kind) not in rows.index:
                    continue
                part = rows.loc[(method, group, kind)]
                if "recall_1" not in part.index:  # classes are not known
                    continue
                head = f"<b>{material.label(method)}</b>" if i == 0 and kind == "clean" else ""
                cells = [_measure_cell(part, name) for name in SEPARATED]
                body.append([head, label, "clean" if kind == "clean" else "attacked",
                             str(int(part.loc["recall_1", "n"])), *cells])  # fmt: skip
    if not body:
        return ""
    eps = radius_text(float(means["eps"].iloc[0]))
    return table(
        ["", "images", "", "n", *(heading for heading, _ in SEPARATED.values())],
        body,
        f"This study, first seed, eps = {eps}; groups by the attacked image's prediction, each measured separately; "
        "clean is the zero point. Gallery and triplets (violated: those with a positive triplet loss): natural "
        "training images. Within / between: scatter within and between the classes. 95 % intervals over the images "
        "(shares: bootstrap; others: infinitesimal jackknife).",
    )


def _measure_cell(part: Frame, name: str) -> str:
    digits = SEPARATED[name][1]
    interval = Interval(*(float(part.loc[name, column]) for column in ("value", "low", "high")))
    return share_cell(interval) if digits is None else number_cell(interval, digits)
