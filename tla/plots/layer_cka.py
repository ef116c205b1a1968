"""How deep into the network the attack reaches."""

from typing import Any

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import line
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look, escape
from tla.plots.drawing.words import ends
from tla.statistics.intervals import Interval


@figure("layer_cka", "layers")
def layer_cka(layers: Frame, *, look: Look = LIGHT, eps: float | int | None = None, seed: int | None = None) -> Figure:
    """Similarity (debiased linear CKA) of clean and adversarial activations, layer by layer.

    Args:
        layers: The `layers` table.
        look: Theme, width, source.
        eps: Which eps, by default the smallest.
        seed: The smallest by default.
    """
    rows = first_seed(layers, seed)
    rows = rows[np.isclose(rows["eps"], rows["eps"].min() if eps is None else eps)].sort_values("depth")
    styles = look.methods(rows["method"])
    sheet = Sheet(look, 1, height=320, left=60, foot=66)
    panel = sheet.panels[0]
    last: dict[str, Interval] = {}
    for method, style in styles.items():
        part = rows[rows["method"] == method].dropna(subset="cka")
        if len(part):
            sheet.add(panel, line(part["depth"].to_numpy(), part["cka"], style), key=method)
            last[style.label] = _interval(part.iloc[-1])
    names = rows.drop_duplicates("depth")
    ticks = {"tickvals": names["depth"].tolist(), "ticktext": [escape(str(name)) for name in names["layer"]]}
    sheet.axis(panel, {"title": "layer"} | ticks, {"title": "CKA, clean against adversarial", "range": [-0.02, 1.04]})
    if not last:
        sheet.empty(panel, "no layers were compared")
        return sheet.figure("Similarity of clean and adversarial activations: not measured", "n = 0.")
    return sheet.figure(
        f"Clean and adversarial activations in the last layer: {_words(last)}",
        "Debiased linear CKA on the study's test images; 1 = equal up to rotation and scale; "
        f"eps = {radius_text(rows['eps'].iloc[0])}.",
    )


def _interval(row: Any) -> Interval:
    low, high = (float(row.get(bound, float("nan"))) for bound in ("low", "high"))
    return Interval(float(row["cka"]), low, high)


def _words(last: dict[str, Interval]) -> str:
    """Tables of old studies have no bounds: then nobody is named."""
    return f"CKA {ends(last, {label: label for label in last}, lambda value: f'{value:.2f}')}"
