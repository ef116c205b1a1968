"""How far the attack moves the representations, measured in the full embedding space."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from tla.messages import did_you_mean
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.sheet import Panel, Sheet, wrap
from tla.plots.drawing.theme import LIGHT, Look, rgba
from tla.plots.drawing.words import degrees, ends, percent
from tla.statistics.intervals import median_interval

MEASURES = {
    "angle": "angle between clean and adversarial (°)",
    "margin": "centroid margin (below 0: nearer the false class)",
    "progress": "progress to the false centroid (1: reached)",
    "purity_own": "own class among the 10 nearest (share)",
}
KEYS = ("method", "seed", "attack", "eps", "id")
ANSWERS = ("y", "prediction", "false_class", "group")
GROUPS = ("correct", "misclassified", "all")
"""The last where the classes are not known."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Whisker, box, median, box, whisker."""


@figure("shift_measures", "shift")
def shift_measures(
    shift: Frame,
    *,
    look: Look = LIGHT,
    measures: Sequence[str] = tuple(MEASURES),
    attack: str | None = None,
    eps: float | int | None = None,
    methods: Sequence[str] | None = None,
) -> Figure:
    """Box plots of each shift measure per method, for correct and for misclassified images.

    Args:
        shift: The `shift` table.
        look: Theme, width, source.
        measures: Columns of the table, one panel each.
        attack: Which attack, by default the first.
        eps: Which eps, by default the smallest.
        methods: Which methods, all by default.

    Raises:
        ValueError: for a measure that is no column of numbers; lists those that are.
    """
    numbers = shift.drop(columns=[*KEYS, *ANSWERS], errors="ignore").select_dtypes("number").columns
    for measure in measures:
        if measure not in numbers:
            raise ValueError(f"measures: {measure!r} is not in the table; {did_you_mean(measure, numbers)}")
    shift = shift[["method", "attack", "eps", "id", "group", *dict.fromkeys(("angle", *measures))]]
    rows, noise = one_attack(shift, attack, eps), one_attack(shift, "noise", None)
    styles = look.methods(rows["method"] if methods is None else methods)
    rows = rows[rows["method"].isin(list(styles))]
    sheet = Sheet(look, len(measures), least=420, height=max(120, 44 * len(styles)), head=8, left=92, foot=58)
    (method_of, names), (group_of, kinds) = pd.factorize(rows["method"]), pd.factorize(rows["group"])
    members = {
        (str(method), str(group)): np.flatnonzero((method_of == i) & (group_of == j))
        for i, method in enumerate(names)
        for j, group in enumerate(kinds)
    }
    for panel, measure in zip(sheet.panels, measures, strict=True):
        _noise(sheet, panel, noise, measure, {method: style.label for method, style in styles.items()})
        values = rows[measure].to_numpy(float)
        colours = (look.shades.right, look.shades.wrong, look.shades.right)
        for group, colour, symbol in zip(GROUPS, colours, ("circle", "x", "circle"), strict=True):
            parts = [
                (style.label, _finite(values[members[method, group]]))
                for method, style in styles.items()
                if (method, group) in members
            ]
            parts = [(label, some) for label, some in parts if len(some)]
            if parts:
                sheet.add(panel, _boxes(parts, group, colour, symbol), key=group)
        labels = [style.label for style in styles.values()]
        y = {"type": "category", "categoryorder": "array", "categoryarray": labels[::-1], "showgrid": False}
        title = wrap(MEASURES.get(measure, measure), look.width / sheet.columns - sheet.left, 13)
        sheet.axis(panel, {"title": title, "zeroline": True}, y)
        if not len(_finite(values)):
            sheet.empty(panel, "no shift was measured")
    n = rows["id"].nunique()
    ticks = "grey ticks: the median under random noise of the same size (zero point). " if len(noise) else ""
    return sheet.figure(
        _title(rows, {method: style.label for method, style in styles.items()}),
        f"n = {n} test images per method; boxes: quartiles and median, whiskers 5 % to 95 %{'; ' if ticks else '. '}"
        f"{ticks}{_unmoved(rows)}Centroids and neighbours come from natural training images. "
        "Which images are misclassified differs by method.",
        layout={"boxmode": "group", "boxgap": 0.25, "boxgroupgap": 0.15},
    )


def one_attack(shift: Frame, attack: str | None, eps: float | int | None) -> Frame:
    """Rows of one attack at one eps: by default the first that is not random noise, the smallest eps."""
    known = [name for name in shift["attack"].unique() if name != "noise"]
    rows = shift[shift["attack"] == (attack or (known[0] if known else ""))]
    if len(rows):
        rows = rows[np.isclose(rows["eps"].to_numpy(float), rows["eps"].min() if eps is None else eps)]
    return rows


STILL = 1e-3
"""Degrees below which an embedding is the same one, computed twice."""


def _unmoved(rows: Frame) -> str:
    """A sentence on images that the attack left as they were, because they were misclassified before."""
    still = (rows["angle"] < STILL) & (rows["group"] == "misclassified")
    if still.sum() < max(0.1 * len(still), 1):
        return ""
    shares = [float(part.mean()) for _, part in still.groupby(rows["method"], observed=True)]
    low, high = percent(min(shares)), percent(max(shares))
    which = low if low == high else f"{low} to {high}"
    return f"At 0: the {which} that were misclassified already, which the attack leaves. "


def _finite(values: np.ndarray) -> np.ndarray:
    return values[~np.isnan(values)]


def _boxes(parts: list[tuple[str, Any]], name: str, colour: str, symbol: str) -> dict[str, Any]:
    quantiles = np.array([np.quantile(values, QUANTILES) for _, values in parts])
    return {
        "type": "box", "orientation": "h", "name": name, "y": [label for label, _ in parts],
        "lowerfence": quantiles[:, 0], "q1": quantiles[:, 1], "median": quantiles[:, 2], "q3": quantiles[:, 3],
        "upperfence": quantiles[:, 4], "line": {"color": colour, "width": 1.5}, "fillcolor": rgba(colour, 0.25),
        "marker": {"color": colour, "symbol": symbol}, "whiskerwidth": 0.4, "offsetgroup": name,
    }  # fmt: skip


def _noise(sheet: Sheet, panel: Panel, noise: Frame, measure: str, labels: dict[str, str]) -> None:
    """The measure's zero point: its median under random noise of the same size."""
    medians = noise.groupby("method")[measure].median().dropna()
    medians = medians[[method for method in labels if method in medians.index]]
    if not len(medians):
        return
    trace = {
        "type": "scatter", "mode": "markers", "name": "random noise (median)",
        "x": medians.to_numpy(np.float32), "y": [labels[method] for method in medians.index],
        "marker": {"symbol": "line-ns-open", "size": 20, "color": sheet.look.shades.soft, "line": {"width": 2}},
        "hovertemplate": "%{y}, noise: %{x:.3f}<extra></extra>",
    }  # fmt: skip
    sheet.add(panel, trace, key="noise")


def _title(rows: Frame, labels: dict[str, str]) -> str:
    medians = {str(method): median_interval(part["angle"].to_numpy(float)) for method, part in rows.groupby("method")}
    known = [name for name, median in medians.items() if np.isfinite(median.value)]
    if not known:
        return "How far the attack moves the representation: not measured"
    if len(known) == 1:
        name = known[0]
        return f"The attack turns the representation of {labels[name]} by {degrees(medians[name].value)} (median)"
    turns = ends(medians, labels, degrees, start="by")
    return f"The attack turns the representation {turns}, medians"
