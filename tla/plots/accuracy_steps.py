"""Accuracy against the number of attack steps."""

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import line
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import spread
from tla.statistics.intervals import Interval, wilson


@figure("accuracy_steps", "trajectory")
def accuracy_steps(trajectory: Frame, *, look: Look = LIGHT, eps: float | int | None = None) -> Figure:
    """Share of images that no restart has fooled up to each step.

    Args:
        trajectory: The `trajectory` table.
        look: Theme, width, source.
        eps: Which eps, by default the smallest recorded.
    """
    rows = trajectory[np.isclose(trajectory["eps"], trajectory["eps"].min() if eps is None else eps)]
    styles = look.methods(rows["method"])
    sheet = Sheet(look, 1, height=340, left=58, foot=50)
    panel = sheet.panels[0]
    ends: dict[str, Interval] = {}
    for method, style in styles.items():
        fooled = rows[rows["method"] == method].pivot_table(
            index="step", columns=["seed", "id"], values="success", aggfunc="max", observed=True
        )
        share = 1 - fooled.ffill().fillna(False).astype(float).cummax().mean(axis=1)
        ends[method] = wilson(float(share.iloc[-1]) * fooled.shape[1], fooled.shape[1])
        sheet.add(panel, line(share.index, 100 * share, style, markers=len(share) <= 12), key=method)
    sheet.axis(panel, "attack steps", {"title": "not fooled so far (%)", "range": [0, 104]})
    if not styles:
        sheet.empty(panel, "no attack was recorded")
    n = rows["id"].nunique()
    labels = {name: style.label for name, style in styles.items()}
    return sheet.figure(
        f"How many steps the attack needs: {spread(ends, labels)} of the images survive all of them",
        f"n = {n} recorded test images; an image counts as fooled from the first step at which any restart succeeds.",
    )
