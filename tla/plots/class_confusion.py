"""The classes' confusion matrix under attack: which class is predicted as which."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.heatmap import PLAIN, heatmap
from tla.plots.drawing.sheet import Sheet, text_width
from tla.plots.drawing.theme import LIGHT, Look, attack_label
from tla.plots.drawing.words import percent
from tla.statistics.accuracy import main_eps

MOST = 40
"""More classes than a panel has room for: then only those that take part in most confusions are drawn."""


@figure("class_confusion", "attacks")
def class_confusion(
    attacks: Frame,
    *,
    look: Look = LIGHT,
    attack: str | None = None,
    eps: float | int | None = None,
    methods: Sequence[str] | None = None,
) -> Figure:
    """True class against predicted class under one attack, a matrix per method, rows in per cent.

    Of more than 40 classes, the 40 that take part in most confusions are drawn.

    Args:
        attacks: The `attacks` table.
        look: Theme, width, source.
        attack: Which attack; by default pgd if there is one, else the first.
        eps: Which eps; by default the one at which most attacks were run.
        methods: Which methods, all by default.
    """
    known = [str(name) for name in attacks["attack"].unique() if name != "clean"]
    attack = attack or ("pgd" if "pgd" in known or not known else known[0])
    eps = main_eps(attacks) if eps is None else eps
    rows = attacks[(attacks["attack"] == attack) & np.isclose(attacks["eps"].to_numpy(float), eps)]
    styles = look.methods(rows["method"] if methods is None else methods)
    k = int(max(rows["y"].max(), rows["prediction"].max()) + 1) if len(rows) else 1
    counts = {method: _counts(rows[rows["method"] == method], k) for method in styles}
    shown = _most_confused([*counts.values()], k)
    ticks = _ticks(look, shown)
    room = max(text_width(text, 10) for text in ticks["ticktext"])
    sheet = Sheet(look, max(len(styles), 1), least=255, head=26, left=round(46 + room), foot=round(44 + max(room, 14)))
    axis = PLAIN | ticks | {"automargin": False, "tickfont": {"size": 10}}
    x = axis | {"tickangle": -90 if room > 24 else 0, "title": "predicted class"}
    worst = ("", "", 0.0)
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        count = counts[method]
        shares = 100 * count / np.maximum(count.sum(1, keepdims=True), 1)
        sheet.add(panel, _matrix(sheet, shares, shown))
        sheet.axis(panel, x, axis | {"title": "true class", "autorange": "reversed"})
        right = float(np.trace(count) / max(count.sum(), 1))
        sheet.title(panel, f"<b>{style.label}</b>: {percent(right)} right")
        off = shares - np.diag(np.diag(shares))
        if off.size and off.max() > worst[2]:
            i, j = np.unravel_index(off.argmax(), off.shape)
            worst = (look.class_name(int(i)), look.class_name(int(j)), float(off.max()))
    if not styles:
        sheet.empty(sheet.panels[0], "nothing was attacked")
    true, predicted, share = worst
    what = f"{true} is predicted as {predicted} most often ({share:.0f} %)" if share else "no class is confused"
    return sheet.figure(
        f"Class confusion under {attack_label(attack)}: {what}",
        f"n = {rows['id'].nunique()} test images; eps = {radius_text(eps)}; {_which(len(shown), k)}.",
    )


def _counts(rows: Frame, k: int) -> np.ndarray:
    """Number of images of each true class (rows) predicted as each class (columns), shape (k, k)."""
    counts = np.zeros((k, k))
    np.add.at(counts, (rows["y"].to_numpy(int), rows["prediction"].to_numpy(int)), 1)
    return counts


def _most_confused(counts: list[np.ndarray], k: int) -> list[int]:
    """The classes to draw, in their order: all, or those with most images that leave or enter."""
    if k <= MOST or not counts:
        return list(range(k))
    total = sum(counts, np.zeros((k, k)))
    total = total - np.diag(np.diag(total))
    return sorted((-(total.sum(0) + total.sum(1))).argsort(kind="stable")[:MOST].tolist())


def _which(shown: int, k: int) -> str:
    if shown == k:
        return "rows sum to 100 %"
    return f"the {shown} of {k:,} classes that take part in most confusions; rows with all {k:,} sum to 100 %"


def _matrix(sheet: Sheet, shares: np.ndarray, shown: list[int]) -> dict[str, Any]:
    """One method's matrix of some classes; small cells have no text."""
    look, names = sheet.look, [sheet.look.class_name(i) for i in shown]
    shares = shares[np.ix_(shown, shown)]
    readable = sheet.panel_height / len(shown) >= 22
    text = [[f"{v:.0f}" if v >= 0.5 and readable else "" for v in row] for row in shares]
    indices = list(map(str, shown))
    trace = heatmap(shares, text, indices, indices, look, top=100, hover="%{customdata}: %{z:.1f} %")
    trace["customdata"] = [[f"{true} predicted as {predicted}" for predicted in names] for true in names]
    return trace | {"xgap": 1, "ygap": 1, "textfont": {"size": 10, "color": look.shades.ink}}


def _ticks(look: Look, classes: list[int]) -> dict[str, Any]:
    """Class names at the axes, cut to fit; with many classes only every second, third, ..."""
    shown = classes[:: -(-len(classes) // 25)]
    return {
        "tickmode": "array",
        "tickvals": [str(i) for i in shown],
        "ticktext": [look.class_name(i, 12) for i in shown],
    }
