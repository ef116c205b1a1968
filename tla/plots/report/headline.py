"""The report's first sentence and its tiles, computed from the tables."""

from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.drawing.believed import believed
from tla.plots.drawing.comparison import no_verdict, traded
from tla.plots.drawing.scores import detector_label, detectors_of, selected
from tla.plots.drawing.words import percent
from tla.plots.report.markup import interval_text, points, tile
from tla.plots.report.material import Material
from tla.statistics.accuracy import at_eps, worst_case
from tla.statistics.intervals import Interval, median_interval
from tla.statistics.leading import accuracy_intervals, leading
from tla.statistics.paired import paired_differences
from tla.statistics.verdicts import HIGHER, NOT_SHOWN, ONE_TRAINING


def headline(material: Material) -> str:
    """One sentence: who is in front in the worst case, and what the study shows about TLA and AT."""
    table = material.accuracies
    attacks = material.table("attacks")
    if table is None or attacks is None:
        return f"The study {escape(material.name)} has run no attacks yet."
    data = escape(f"{material.recorded('data', 'name') or ''} ").lstrip()
    n, seeds = int(table["n"].max()), int(table["seeds"].max())
    count = table.loc[~table["attack"].isin(["clean", "worst"]), "attack"].nunique()
    values = accuracy_intervals(worst_case(at_eps(attacks)))
    front = leading(values)
    if count == 0:
        right = _right(material, values, front, seeds)
        return f"No attack was run yet; {right} of {n} clean {data}images."
    others = [name for name in ("tla", "at", "natural") if name in values and name not in front]
    rest = ", ".join(f"{material.label(name)} {percent(values[name].value)}" for name in others)
    first = (
        f"Under the worst of {count} attack{'s' if count > 1 else ''} at eps {radius_text(material.eps)}, "
        f"<strong>{_right(material, values, front, seeds)}</strong> of {n} {data}"
        f"test images{f' ({rest})' if rest else ''}"
    )
    if {"tla", "at"} <= set(values):
        pairs = paired_differences(attacks, "at").set_index("method")
        first = f"{first}; {_lead(material, pairs.loc['tla'])}"
    return f"{first}. {no_verdict(values)}." if seeds < 2 and len(values) > 1 else f"{first}."


def _right(material: Material, values: Mapping[str, Interval], front: list[str], seeds: int) -> str:
    """Who is right how often: all who are too close to tell apart."""
    labels = [material.label(name) for name in front]
    most, least = percent(values[front[0]].value), percent(values[front[-1]].value)
    if len(front) == 1:
        return f"{'this ' if seeds < 2 else ''}{labels[0]} is right on {most}"
    names = f"{', '.join(labels[:-1])} and {labels[-1]}"
    shares = most if most == least else f"{least} to {most}"
    return f"{names}, too close to tell apart, are right on {shares}"


def _lead(material: Material, pair: Any) -> str:
    """What the study shows about one method and its base: a row of `paired_differences`."""
    one, other = material.label(str(pair.name)), material.label(str(pair["base"]))
    if pair["verdict"] == ONE_TRAINING:
        return traded(pair, one, other)
    gain = Interval(pair["difference"], pair["low"], pair["high"])
    bounds = f"{points(gain.value)} points, 95 % interval {points(gain.low)} to {points(gain.high)}"
    if pair["verdict"] == NOT_SHOWN:
        return f"between {one} and {other} {int(pair['seeds'])} trainings each show no difference ({bounds})"
    leads = "leads" if pair["verdict"] == HIGHER else "falls behind"
    return f"{one} {leads} {other} by more than chance explains ({bounds})"


def tiles(material: Material) -> str:
    """The headline's numbers, each with its source; the audit's word comes first."""
    parts = [_believed(material), _worst(material), _turn(material), _detected(material), _retrieved(material)]
    return "".join(part for part in parts if part)


def _believed(material: Material) -> str:
    if material.table("attacks") is None:
        return ""
    said = believed(material.table("audit"))
    more = '<a href="#audit">every check, with evidence and advice</a>'
    return tile(said.word, f"{escape(said.text)}.", more, tone=said.word.lower().replace(" ", "-"))


def _group(material: Material, names: list[str]) -> str:
    """Who is meant by a tile: the one in front, or all within its interval."""
    labels = [material.label(name) for name in names]
    return labels[0] if len(labels) == 1 else f"{labels[0]}; within its interval also {', '.join(labels[1:])}"


def _worst(material: Material) -> str:
    table, attacks = material.accuracies, material.table("attacks")
    if table is None or attacks is None:
        return ""
    trainings = int(table["seeds"].max())
    once = "one training each" if trainings < 2 else f"{trainings} trainings each"
    values = accuracy_intervals(worst_case(at_eps(attacks)))
    front = leading(values)
    source = f"n = {int(table['n'].max())}; {once}; 95 % interval {{}}; this study"
    text = f"largest worst-case accuracy: {_group(material, front)}"
    best = values[front[0]]
    parts = [tile(percent(best.value), text, source.format(interval_text(best)))]
    clean = attacks[(attacks["attack"] == "clean") & (attacks["method"] == front[0])]
    if len(clean):
        own = accuracy_intervals(clean)[front[0]]
        text = f"clean accuracy of {material.label(front[0])}"
        parts.append(tile(percent(own.value), text, source.format(interval_text(own))))
    return "".join(parts)


def _turn(material: Material) -> str:
    rows = material.shifted
    if rows is None:
        return ""
    medians = {str(name): median_interval(part["angle"].to_numpy(float)) for name, part in rows.groupby("method")}
    front = leading(medians, largest=False)
    if not front:
        return ""
    most = max((name for name in medians if np.isfinite(medians[name].value)), key=lambda name: medians[name].value)
    text = f"smallest turn of the embedding by the attack (median): {_group(material, front)}"
    largest = f"{material.label(most)}: {medians[most].value:.0f}&deg;"
    source = f"{largest}; n = {rows['id'].nunique()}; one training each; this study"
    return tile(f"{medians[front[0]].value:.0f}&deg;", text, source)


def _detected(material: Material) -> str:
    from tla.statistics.roc import auc_interval, sides

    detection = material.table("detection")
    if detection is None:
        return ""
    areas, words = {}, {}
    for name in detectors_of(detection[~detection["adaptive"].astype(bool)]):
        for method, part in selected(detection, name, None, False).groupby("method"):
            key = f"{method} {name}"
            areas[key] = auc_interval(sides(part, missing="drop"))
            words[key] = f"{material.label(str(method))}, {detector_label(name)}"
    front = leading(areas)
    if not front:
        return ""
    area, more = areas[front[0]], len(front) - 1
    also = f"; {more} other pair{'s' if more > 1 else ''} of model and score within its interval" if more else ""
    source = f"95 % interval {area.low:.2f} to {area.high:.2f}{also}; one training each; not adaptive; this study"
    return tile(f"{area.value:.2f}", f"largest detection AUC: {words[front[0]]}", source)


def _retrieved(material: Material) -> str:
    retrieval = material.table("retrieval")
    if retrieval is None:
        return ""
    attacked = retrieval[retrieval["kind"] == "adversarial"]
    if attacked.empty:
        return ""
    bounds = accuracy_intervals(attacked.assign(success=~attacked["recall_1"].astype(bool)))
    front = leading(bounds)
    text = f"of adversarial images have a nearest neighbour of their class ({_group(material, front)})"
    source = f"n = {attacked['id'].nunique()}; 95 % interval {interval_text(bounds[front[0]])}; this study"
    return tile(percent(bounds[front[0]].value), text, source)
