"""Accuracy under attack: the table, the bars, and the paper's numbers next to them."""

from html import escape

import numpy as np

from tla.messages import radius_text
from tla.plots.accuracy_bars import accuracy_bars
from tla.plots.accuracy_curve import accuracy_curve
from tla.plots.base import Frame
from tla.plots.class_confusion import class_confusion
from tla.plots.differences import differences
from tla.plots.drawing.comparison import MEANING, found, no_verdict
from tla.plots.drawing.paper import paper_accuracy
from tla.plots.drawing.theme import DASH, attack_label, attacks_of
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, points, section, share_cell, table
from tla.plots.report.material import Material
from tla.plots.report.transferred import HEAD, black_box_cell, paper_black_box, transferred
from tla.statistics.intervals import Interval
from tla.statistics.leading import leading, training_spread
from tla.statistics.paired import paired_differences

TITLE = "Accuracy under attack"


def robustness(material: Material) -> str:
    """Method by attack with intervals and the worst case, bars, accuracy against eps, transfer, class confusion."""
    attacks, accuracies = material.table("attacks"), material.accuracies
    if attacks is None or accuracies is None:
        return absent("robustness", TITLE, "accuracies", "attacks", "attack", material.name)
    suite = material.recorded("study", "attack", "suite")
    paper = paper_accuracy(str(material.recorded("data", "name") or ""), suite)
    lead = (
        "An image counts as right only if the model is right on it, clean and attacked. The worst case counts it as "
        "wrong if any of the attacks succeeds: only that column is a statement about robustness."
    )
    look = material.look
    parts = [
        _table(material, accuracies, paper),
        _compared(material, attacks),
        embedded("bars", lambda view: accuracy_bars(attacks, look=view, paper=paper), look),
    ]
    if (attacks.loc[attacks["attack"] != "clean", "eps"].nunique()) > 1:
        parts.append(embedded("curve", lambda view: accuracy_curve(attacks, look=view), look))
    parts.append(transferred(material))
    parts.append(embedded("classes", lambda view: class_confusion(attacks, look=view), look))
    return section("robustness", TITLE, lead, *parts)


def _table(material: Material, rows: Frame, paper: Frame) -> str:
    names = attacks_of(rows["attack"])
    best = {str(name): _front(part) for name, part in rows.groupby("attack")}
    body = []
    with_transfer = material.table("transfer") is not None
    for method in material.methods:
        part = rows[rows["method"] == method].set_index("attack")
        if part.empty:
            continue
        cells = [f"<b>{material.label(method)}</b>"]
        for name in names:
            if name not in part.index:
                cells.append(share_cell(Interval(float("nan"), 0, 0)))
                continue
            row = part.loc[name]
            value = Interval(row["accuracy"], row["low"], row["high"])
            cells.append(share_cell(value, best=method in best[name] and len(material.methods) > 1))
        reported = _paper_row(paper, method, names)
        if with_transfer:
            cells.append(black_box_cell(material, method))
            reported = [[*row, paper_black_box(material, method)] for row in reported]
        body += [cells, *reported]
    n, seeds = int(rows["n"].max()), int(rows["seeds"].max())
    source = (
        f"This study, n = {n} test images, {seeds} seed{'s' if seeds > 1 else ''}, eps = {radius_text(material.eps)}"
        f"{_settings(material)}. Below each accuracy its 95 % interval (Wilson, over the images). "
        "&#9670; largest of its column, and all within its interval."
    )
    if len(paper):
        source += (
            " Rows <i>paper</i>: Mao et al. 2019; numbers in brackets are recalled, not confirmed by the poster; "
            "their networks, schedules and numbers of steps differ from this study's."
        )
    if with_transfer:
        source += (
            " Black box: images crafted on another model of this study, the one that fools most; not in the worst case."
        )
    head = ["accuracy (%)", *(attack_label(name) for name in names), *([HEAD] if with_transfer else [])]
    return table(head, body, source)


def _front(part: Frame) -> list[str]:
    """The methods in front under one attack."""
    columns = zip(*(part[name] for name in ("method", "accuracy", "low", "high")), strict=True)
    return leading({str(method): Interval(*bounds) for method, *bounds in columns})


def _paper_row(paper: Frame, method: str, names: list[str]) -> list[list[str]]:
    known = paper[paper["method"] == method].set_index("attack")
    if known.empty:
        return []
    cells = ["<i>paper</i>"]
    for name in names:
        if name not in known.index:
            cells.append('<td class="none"></td>')
            continue
        text = f"{100 * known.loc[name, 'accuracy']:.1f}"
        cells.append(f'<td class="paper">{text if known.loc[name, "confirmed"] else f"({text})"}</td>')
    return [cells]


def _settings(material: Material) -> str:
    """Steps, step sizes and restarts of the suite, from the recipe."""
    suite = material.recorded("study", "attack", "suite")
    if not isinstance(suite, dict):
        return ""
    words = []
    for label, attack in suite.items():
        known = attack if isinstance(attack, dict) else {}
        values = [f"{key.replace('_', ' ')} {known[key]}" for key in ("steps", "step_size", "restarts") if key in known]
        words.append(f"{attack_label(str(label))}{': ' + escape(', '.join(values)) if values else ''}")
    return f"; {'; '.join(words)}"


def _compared(material: Material, attacks: Frame) -> str:
    """Every method against adversarial training: the same images, one training or several."""
    methods = [method for method in material.methods if method in set(attacks["method"])]
    base = "at" if "at" in methods else methods[0]
    pairs = paired_differences(attacks, base)
    if pairs.empty:
        return ""
    once = int(pairs["seeds"].min()) < 2
    rows = []
    for method in (name for name in methods if name != base):
        row = pairs.set_index("method").loc[method]
        bounds = [_between(row[f"low{part}"], row[f"high{part}"]) for part in ("_seeds", "_images", "")]
        ends = [bounds[1], _count(row["gained"]), _count(row["lost"])] if once else [*bounds, MEANING[row["verdict"]]]
        rows.append([f"<b>{material.label(method)}</b>", points(float(row["difference"])), *ends])
    label = material.label(base)
    if once:
        head = ["difference (points)", "over images, these networks", f"keeps, {label} loses", f"loses, {label} keeps"]
    else:
        head = ["difference (points)", "over trainings", "over images", "over both", "verdict"]
    figure = embedded("differences", lambda view: differences(attacks, look=view, base=base), material.look)
    which = f"against this {label}" if once else f"against {label}"
    return figure + table([which, *head], rows, _how(pairs, training_spread(attacks)))


def _between(low: float, high: float) -> str:
    return f"{points(float(low))} to {points(float(high))}" if np.isfinite(low) else DASH


def _count(images: float) -> str:
    return f"{images:.0f}" if np.isfinite(images) else DASH


def _how(pairs: Frame, spread: float) -> str:
    """How the intervals of the differences were computed, and what they decide."""
    n = int(pairs["n"].max())
    text = f"This study: difference of worst-case accuracies on the same {n} images; 95 % intervals. "
    if int(pairs["seeds"].min()) < 2:
        words = no_verdict([*pairs["method"], *pairs["base"]])
        return f"{text}Over the images: paired bootstrap, for these networks. {words}."
    return text + (
        "Over trainings: Welch's t of the trainings, for these images. Over images: paired bootstrap, for these "
        "trainings. Over both, which the verdict uses: variances of trainings and images in a two-way layout, "
        f"Satterthwaite's degrees of freedom, never narrower than over trainings. {found(pairs, spread)}"
    )
