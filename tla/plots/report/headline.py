"""The report's first sentence and its tiles, computed from the tables."""

from html import escape
from typing import NamedTuple

import numpy as np

from tla.plots.base import Frame
from tla.plots.drawing.scores import detector_label, detectors_of, selected
from tla.plots.drawing.words import number, percent
from tla.plots.report.markup import interval_text, points, tile
from tla.plots.report.material import Material
from tla.statistics.accuracy import at_eps, worst_case
from tla.statistics.intervals import Interval, bootstrap_mean
from tla.statistics.paired import paired


class Compared(NamedTuple):
    """Two methods on the same images.

    Attributes:
        one: The method of interest.
        other: The method it is compared with.
        difference: Difference of their worst-case accuracies in -1..1, one minus other, with the paired interval: over
            seeds and images, or over images alone if there is one seed.
    """

    one: str
    other: str
    difference: Interval


def compared(attacks: Frame, one: str, other: str) -> Compared:
    """Compare the worst-case accuracy of two methods, seed by seed and image by image.

    Args:
        attacks: The `attacks` table.
        one: A method.
        other: Another.
    """
    return Compared(one, other, paired(worst_case(at_eps(attacks)), one, other).both)


def headline(material: Material) -> str:
    """One sentence: which method is best in the worst case, and whether TLA leads AT by more than chance."""
    table = material.accuracies
    attacks = material.table("attacks")
    if table is None or attacks is None:
        return f"The study {escape(material.name)} has run no attacks yet."
    worst = table[table["attack"] == "worst"].set_index("method").sort_values("accuracy", ascending=False)
    data = escape(f"{material.recorded('data', 'name') or ''} ").lstrip()
    best = str(worst.index[0])
    n = int(worst["n"].max())
    count = table.loc[~table["attack"].isin(["clean", "worst"]), "attack"].nunique()
    if count == 0:
        clean = table.set_index("method")["accuracy"].idxmax()
        return f"No attack was run yet; {material.label(str(clean))} is the most accurate on {n} clean {data}images."
    others = [name for name in ("tla", "at", "natural") if name in worst.index and name != best]
    rest = ", ".join(f"{material.label(name)} {percent(worst.loc[name, 'accuracy'])}" for name in others)
    first = (
        f"Under the worst of {count} attack{'s' if count > 1 else ''} at eps {number(material.eps)}, "
        f"<strong>{material.label(best)} is right on {percent(worst.loc[best, 'accuracy'])}</strong> of {n} {data}"
        f"test images{f' ({rest})' if rest else ''}"
    )
    if not {"tla", "at"} <= set(worst.index):
        return first + "."
    return f"{first}; {_lead(material, compared(attacks, 'tla', 'at'))}."


def _lead(material: Material, pair: Compared) -> str:
    gain = pair.difference
    one, other = material.label(pair.one), material.label(pair.other)
    bounds = f"{points(gain.value)} points, 95 % interval {points(gain.low)} to {points(gain.high)}"
    if gain.low > 0:
        return f"{one} leads {other} by more than chance explains ({bounds})"
    if gain.high < 0:
        return f"{one} falls behind {other} by more than chance explains ({bounds})"
    return f"between {one} and {other} this study finds no difference beyond chance ({bounds})"


def tiles(material: Material) -> str:
    """The headline's numbers, each with its source."""
    parts = [_worst(material), _turn(material), _detected(material), _retrieved(material)]
    return "".join(part for part in parts if part)


def _worst(material: Material) -> str:
    table = material.accuracies
    if table is None:
        return ""
    worst = table[table["attack"] == "worst"].sort_values("accuracy").iloc[-1]
    clean = table[(table["attack"] == "clean") & (table["method"] == worst["method"])]
    bounds = Interval(worst["accuracy"], worst["low"], worst["high"])
    text = f"worst-case accuracy of {material.label(worst['method'])}, the best"
    parts = [tile(percent(bounds.value), text, f"n = {worst['n']}; 95 % interval {interval_text(bounds)}; this study")]
    if len(clean):
        row = clean.iloc[0]
        bounds = Interval(row["accuracy"], row["low"], row["high"])
        source = f"n = {row['n']}; 95 % interval {interval_text(bounds)}; this study"
        parts.append(tile(percent(bounds.value), f"clean accuracy of {material.label(worst['method'])}", source))
    return "".join(parts)


def _turn(material: Material) -> str:
    rows = material.shifted
    if rows is None:
        return ""
    medians = rows.groupby("method")["angle"].median().dropna()
    if not len(medians):
        return ""
    least, most = str(medians.idxmin()), str(medians.idxmax())
    text = f"the attack turns the embedding of {material.label(least)} least (median)"
    source = f"{material.label(most)}: {medians[most]:.0f}&deg;; n = {rows['id'].nunique()}; this study"
    return tile(f"{medians[least]:.0f}&deg;", text, source)


def _detected(material: Material) -> str:
    from tla.statistics.roc import auc_interval, sides

    detection = material.table("detection")
    if detection is None:
        return ""
    best: tuple[float, str] = (-np.inf, "")
    for name in detectors_of(detection[~detection["adaptive"].astype(bool)]):
        rows = selected(detection, name, None, False)
        for method, part in rows.groupby("method"):
            area = auc_interval(sides(part, missing="drop"))
            if area.value > best[0]:
                words = f"{material.label(str(method))}, {detector_label(name)}"
                source = f"95 % interval {area.low:.2f} to {area.high:.2f}; not adaptive; this study"
                best = (area.value, tile(f"{area.value:.2f}", f"best detection AUC: {words}", source))
    return best[1]


def _retrieved(material: Material) -> str:
    retrieval = material.table("retrieval")
    if retrieval is None:
        return ""
    attacked = retrieval[retrieval["kind"] == "adversarial"]
    if attacked.empty:
        return ""
    means = attacked.groupby("method")["recall_1"].mean()
    best = str(means.idxmax())
    bounds = bootstrap_mean(attacked.loc[attacked["method"] == best, "recall_1"].to_numpy(float))
    text = f"of adversarial images have a nearest neighbour of their class ({material.label(best)})"
    source = f"n = {attacked['id'].nunique()}; 95 % interval {interval_text(bounds)}; this study"
    return tile(percent(bounds.value), text, source)
