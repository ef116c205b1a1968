"""Accuracy under attack: the table, the bars, and the paper beside it."""

from html import escape

from tla.plots.accuracy_bars import accuracy_bars
from tla.plots.accuracy_curve import accuracy_curve
from tla.plots.base import Frame
from tla.plots.class_confusion import class_confusion
from tla.plots.paper import paper_accuracy
from tla.plots.report.embed import embedded
from tla.plots.report.headline import compared
from tla.plots.report.markup import absent, points, section, share_cell, table
from tla.plots.report.material import Material
from tla.plots.summary import Interval, number, percent
from tla.plots.theme import attack_label, attacks_of

TITLE = "Accuracy under attack"


def robustness(material: Material) -> str:
    """Method by attack with intervals and the worst case, bars, accuracy against eps, who is taken for whom."""
    attacks, accuracies = material.table("attacks"), material.accuracies
    if attacks is None or accuracies is None:
        return absent("robustness", TITLE, "accuracies", "attacks", "attack", material.name)
    paper = paper_accuracy(str(material.fact("data", "name") or ""))
    lead = (
        "An image counts as right only if the model is right on it, clean and attacked. The worst case counts it as "
        "wrong if any of the attacks succeeds: only that column is a statement about robustness."
    )
    look = material.look
    parts = [
        _table(material, accuracies, paper),
        _pairs(material, attacks),
        embedded("bars", lambda view: accuracy_bars(attacks, look=view, paper=paper), look),
    ]
    if (attacks.loc[attacks["attack"] != "clean", "eps"].nunique()) > 1:
        parts.append(embedded("curve", lambda view: accuracy_curve(attacks, look=view), look))
    parts.append(embedded("classes", lambda view: class_confusion(attacks, look=view), look))
    return section("robustness", TITLE, lead, *parts)


def _table(material: Material, rows: Frame, paper: Frame) -> str:
    names = attacks_of(rows["attack"])
    best = {name: part["accuracy"].max() for name, part in rows.groupby("attack")}
    body = []
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
            cells.append(share_cell(value, best=bool(row["accuracy"] == best[name]) and len(material.methods) > 1))
        body.append(cells)
        body += _paper_row(paper, method, names)
    n, seeds = int(rows["n"].max()), int(rows["seeds"].max())
    source = (
        f"This study, n = {n} test images, {seeds} seed{'s' if seeds > 1 else ''}, eps = {number(material.eps)}"
        f"{_settings(material)}. Below each accuracy its 95 % interval (Wilson, over the images). "
        "&#9670; best of its column."
    )
    if len(paper):
        source += (
            " Rows <i>paper</i>: Mao et al. 2019; figures in brackets are recalled, not confirmed by the poster; "
            "their networks, schedules and numbers of steps differ from this study's."
        )
    return table(["accuracy (%)", *(attack_label(name) for name in names)], body, source)


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
    suite = material.fact("study", "attack", "suite")
    if not isinstance(suite, dict):
        return ""
    words = []
    for label, attack in suite.items():
        known = attack if isinstance(attack, dict) else {}
        values = [f"{key.replace('_', ' ')} {known[key]}" for key in ("steps", "step_size", "restarts") if key in known]
        words.append(f"{attack_label(str(label))}{': ' + escape(', '.join(values)) if values else ''}")
    return f"; {'; '.join(words)}"


def _pairs(material: Material, attacks: Frame) -> str:
    """Every method against adversarial training, image by image."""
    there = [method for method in material.methods if method in set(attacks["method"])]
    base = "at" if "at" in there else there[0]
    rows = []
    for method in there:
        if method == base:
            continue
        gain = compared(attacks, method, base).difference
        verdict = "more than chance" if gain.low > 0 or gain.high < 0 else "within chance"
        cells = [f"<b>{material.label(method)}</b>", points(gain.value)]
        rows.append([*cells, f"{points(gain.low)} to {points(gain.high)}", verdict])
    if not rows:
        return ""
    return table(
        [f"against {material.label(base)}", "difference (points)", "95 % interval", "verdict"],
        rows,
        "This study: difference of worst-case accuracies on the same images, paired bootstrap over the images "
        f"({percent(0.95)} interval). Several seeds would add the spread of training, which this interval leaves out.",
    )
