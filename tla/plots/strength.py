"""Accuracy under attack against the cost of the attack."""

from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, SYMBOLS, Look, escape, method_label, methods_of, rgba

OURS, REFERENCE = "ensemble", "AutoAttack"


@figure("strength", "strength")
def strength(strength: Frame, *, look: Look = LIGHT) -> Figure:
    """Accuracy under each attack against its passes through the network per image, one panel per network.

    Low and left is better for the attacker. Points of the ensemble at several budgets are joined; the band spans one
    point on either side of AutoAttack.

    Args:
        strength: Columns data, model, eps, attack, accuracy (0..1), n, passes (images forward and gradients back, per
            image): the table of `benchmarks/strength.py`.
        look: Theme, width, source.
    """
    networks = [(data, name) for data in strength["data"].unique() for name in methods_of(_of(strength, data)["model"])]
    sheet = Sheet(look, max(1, len(networks)), least=330, height=250, head=24, left=60, foot=52)
    others = [name for name in dict.fromkeys(strength["attack"].astype(str)) if not name.startswith((OURS, REFERENCE))]
    for panel, (data, name) in zip(sheet.panels, networks, strict=False):
        here = _of(strength, data)
        rows = here[here["model"] == name].sort_values("passes")
        sheet.title(panel, f"{escape(str(data))}, {method_label(name)}, eps {radius_text(rows['eps'].iloc[0])}")
        for trace, key in _traces(rows, others, look):
            sheet.add(panel, trace, key=key)
        ticks = {"type": "log", "title": "passes per image", "dtick": 1}
        sheet.axis(panel, ticks, "accuracy (%)")
    if not networks:
        sheet.empty(sheet.panels[0], "no attack was measured")
    n = int(strength["n"].max()) if len(strength) else 0
    return sheet.figure(
        _title(strength),
        f"n = {n} test images per network, Linf. A pass: one image forward, or its gradient back. Band: within one "
        "point of AutoAttack standard. Peers run with their own defaults except for eps.",
    )


def _of(strength: Frame, data: Any) -> Frame:
    return strength[strength["data"] == data]


def _traces(rows: Frame, others: list[str], look: Look) -> list[tuple[dict[str, Any], str | None]]:
    """Band, line and points of one panel, each with its legend key."""
    shade, traces = look.shades, []
    reference = rows[rows["attack"] == REFERENCE]
    if len(reference):
        traces.append((_points(reference, REFERENCE, shade.ink, "hexagram", 11), REFERENCE))
        level = 100 * float(reference["accuracy"].iloc[0])
        ends = np.array([rows["passes"].min(), rows["passes"].max()], float)
        traces.append((_band(ends, level, shade.soft), None))
    ours = rows[rows["attack"].astype(str).str.startswith(OURS)]
    if len(ours):
        traces.append((_points(ours, "ensemble (budgets joined)", shade.wrong, "star", 11, lines=True), OURS))
    for index, name in enumerate(others):
        point = rows[rows["attack"] == name]
        colour = shade.ten[(0, 1, 2, 4, 5, 6, 7, 8, 9)[index % 9]]
        if len(point):
            traces.append((_points(point, escape(name), colour, SYMBOLS[index % 7], 9), name))
    return traces


def _points(rows: Frame, name: str, colour: str, symbol: str, size: int, lines: bool = False) -> dict[str, Any]:
    accuracy = 100 * rows["accuracy"].to_numpy(float)
    return {
        "type": "scatter",
        "mode": "lines+markers" if lines else "markers",
        "name": name,
        "x": rows["passes"].to_numpy(float),
        "y": accuracy,
        "text": [escape(str(attack)) for attack in rows["attack"]],
        "marker": {"color": colour, "symbol": symbol, "size": size},
        "line": {"color": colour, "width": 2},
        "hovertemplate": "%{text}: %{y:.1f} % after %{x:.0f} passes<extra></extra>",
    }


def _band(ends: Any, level: float, colour: str) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": "band",
        "x": np.concatenate([ends, ends[::-1]]),
        "y": np.array([level + 1, level + 1, max(0.0, level - 1), max(0.0, level - 1)]),
        "fill": "toself",
        "fillcolor": rgba(colour, 0.25),
        "line": {"width": 0, "color": colour},
        "hoverinfo": "skip",
    }


def _title(strength: Frame) -> str:
    pairs = strength[strength["attack"].isin([OURS, REFERENCE])].pivot_table(
        index=["data", "model"], columns="attack", values=["accuracy", "passes"], observed=True
    )
    if pairs.empty or pairs.shape[1] < 4 or len(pairs.dropna()) == 0:
        return "Accuracy under attack against the cost of the attack"
    pairs = pairs.dropna()
    gap = 100 * (pairs["accuracy"][OURS] - pairs["accuracy"][REFERENCE]).max()
    share = (pairs["passes"][REFERENCE] / pairs["passes"][OURS]).min()
    near = f"comes within {gap:.1f} points of" if gap > 0.05 else "is as strong as"
    return f"The ensemble {near} AutoAttack at 1/{share:.0f} of its passes or less"
