"""What an attack did step by step, a panel each: distances, probabilities, margin and loss."""

from typing import Any, NamedTuple

import numpy as np

from tla.plots.drawing.attack_path import AttackPath
from tla.plots.drawing.marks import line
from tla.plots.drawing.sheet import Panel, Sheet


class StepPanel(NamedTuple):
    """One panel over the steps.

    Attributes:
        title: Of its vertical axis.
        lines: Field of `AttackPath`, legend entry, colour among the shades, and dash of each line.
        empty: What it says where nothing was recorded.
        axis: Settings of its vertical axis.
        about: What it shows, for the caption.
    """

    title: str
    lines: tuple[tuple[str, str, str, str], ...]
    empty: str
    axis: dict[str, Any]
    about: str


STEP_PANELS = {
    "distances": StepPanel(
        "distance",
        (
            ("distance_own", "to own centroid", "right", "solid"),
            ("distance_false", "to false centroid", "wrong", "dash"),
        ),
        "no distance was measured",
        {"rangemode": "tozero"},
        "cosine distance to its own and to the false centroid in the full space",
    ),
    "probabilities": StepPanel(
        "probability",
        (
            ("p_true", "true class", "right", "solid"),
            ("p_predicted", "predicted class", "wrong", "dash"),
        ),
        "no probability was recorded",
        {"range": [0, 1.04]},
        "probability of the true and of the predicted class",
    ),
    "margin": StepPanel(
        "margin",
        (("margin", "margin", "ink", "solid"),),
        "no margin was recorded",
        {},
        "margin, the largest logit of a wrong class minus that of the true class: above 0 it is misclassified",
    ),
    "loss": StepPanel(
        "loss",
        (("loss", "loss", "soft", "solid"),),
        "no loss was recorded",
        {"rangemode": "tozero"},
        "cross-entropy loss",
    ),
}
"""By the name of the part."""


def draw_steps(sheet: Sheet, panel: Panel, path: AttackPath, part: str, *, last: bool) -> None:
    """A line for each restart, and a dotted one at the first step that is misclassified.

    Args:
        sheet: The figure's sheet.
        panel: Where to draw.
        path: Of one image and method.
        part: Key of `STEP_PANELS`.
        last: True for the lowest panel of a method, whose axis is named.
    """
    what, restarts, shade = STEP_PANELS[part], path.restarts, sheet.look.shades
    if not any(np.isfinite(getattr(path, name)).any() for name, *_ in what.lines):
        sheet.empty(panel, what.empty)
    style = sheet.look.methods(["at"])["at"]
    thin: dict[str, Any] = {"opacity": 0.55} if len(restarts) > 1 else {}
    for name, label, colour, dash in what.lines:
        own = style._replace(colour=getattr(shade, colour), dash=dash, label=label)
        for one in restarts:
            sheet.add(panel, line(one.step, getattr(one, name), own, markers=False, **thin), key=label)
    sheet.axis(panel, "attack step" if last else None, {"title": what.title} | what.axis)
    if part == "margin":
        _mark(sheet, panel, {"x0": 0, "x1": 1, "xref": f"{panel.x} domain", "y0": 0, "y1": 0, "yref": panel.y})
    if path.flip is not None:
        at = {"x0": path.flip, "x1": path.flip, "xref": panel.x}
        _mark(sheet, panel, at | {"y0": 0, "y1": 1, "yref": f"{panel.y} domain"})


def _mark(sheet: Sheet, panel: Panel, where: dict[str, Any]) -> None:
    colour = sheet.look.shades.soft
    sheet.shapes.append({"type": "line", "line": {"color": colour, "width": 1, "dash": "dot"}} | where)
