"""The triplet loss drawn: anchor, positive and negative as directions, the margin as an angle."""

from dataclasses import replace
from typing import Any

import numpy as np

from tla.plots.base import Figure, figure
from tla.plots.drawing.picture_grid import label
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look, rgba

Vector = tuple[float | int, float | int]
ROLES = (("anchor", "diamond", 3), ("positive", "circle", 0), ("negative", "square", 2))


@figure("triplet_drawn")
def triplet_drawn(
    anchor: Vector = (3.0, 4.0),
    positive: Vector = (4.0, 3.0),
    negative: Vector = (5.0, 5.0),
    *,
    alpha: float | int = 0.05,
    look: Look = LIGHT,
    after: tuple[Vector, Vector, Vector] | None = None,
) -> Figure:
    """Three embeddings as arrows, their cosine distances, and the wedge that the loss clears of negatives.

    Args:
        anchor: The adversarial image's embedding h(x'), in the plane.
        positive: Embedding of another image of its class.
        negative: Embedding of an image of another class.
        alpha: The margin; the loss is [D(a, p) - D(a, n) + alpha]+ with D = 1 - |cos|.
        look: Theme, width, source.
        after: Anchor, positive and negative after training, for a second panel.
    """
    stages = (
        [("", (anchor, positive, negative))]
        if after is None
        else [("before", (anchor, positive, negative)), ("after", after)]
    )
    look = replace(look, source="")  # not drawn from a study
    sheet = Sheet(look, len(stages), least=300, height=330, head=26, left=14, foot=14)
    losses = []
    for panel, (name, vectors) in zip(sheet.panels, stages, strict=True):
        a, p, n = (np.asarray(vector, dtype=float) for vector in vectors)
        near, far = cosine_distance(a, p), cosine_distance(a, n)
        losses.append(max(0.0, near - far + alpha))
        _panel(sheet, panel, (a, p, n), near + alpha)
        head = f"<b>{name}</b> " if name else ""
        sheet.title(panel, f"{head}D(a,p) = {near:.3f}, D(a,n) = {far:.3f}, loss = {losses[-1]:.3f}")
    effect = "pulls the positive in and pushes the negative out" if losses[0] > 0 else "is satisfied and pulls no more"
    return sheet.figure(
        f"The triplet loss {effect}"
        if after is None
        else f"The triplet loss falls from {losses[0]:.3f} to {losses[1]:.3f}",
        f"D = 1 - |cos|; loss = [D(a,p) - D(a,n) + {alpha:g}]+; shaded: directions "
        f"nearer to the anchor than D(a,p) + {alpha:g}, where no negative may be.",
    )


def cosine_distance(u: np.ndarray, v: np.ndarray) -> float:
    """1 - |cos| of two vectors, in 0..1; zero norms are guarded as in the loss."""
    norms = np.sqrt(np.sum(u * u) + 1e-20) * np.sqrt(np.sum(v * v) + 1e-20)
    return float(1 - abs(np.dot(u, v)) / norms)


def _label_position(rank: int, tip: np.ndarray) -> dict[str, Any]:
    """Position of a label: outside the outer arrows, beyond the tip of the middle one."""
    if rank == 1:
        x, y = (float(part) for part in tip / max(float(np.linalg.norm(tip)), 1e-12))
        return {"xshift": 14 * x, "yshift": 16 * y, "xanchor": "left" if x >= 0 else "right", "yanchor": "middle"}
    return {"xshift": 12 * (1 - int(rank)), "xanchor": "right" if rank else "left", "yanchor": "middle"}


def _panel(sheet: Sheet, panel: Panel, vectors: tuple[np.ndarray, ...], reach: float) -> None:
    look = sheet.look
    radius = 1.12 * max(float(np.linalg.norm(v)) for v in vectors) or 1.0
    middle = float(np.arctan2(vectors[0][1], vectors[0][0]))
    half = float(np.arccos(np.clip(1 - reach, -1, 1)))
    angles = np.linspace(middle - half, middle + half, 40)
    wedge = {
        "type": "scatter", "mode": "lines", "name": "no negative in here", "fill": "toself", "hoverinfo": "skip",
        "x": np.concatenate([[0], radius * np.cos(angles), [0]]),
        "y": np.concatenate([[0], radius * np.sin(angles), [0]]),
        "fillcolor": rgba(look.shades.wrong, 0.13), "line": {"color": look.shades.wrong, "width": 1, "dash": "dot"},
    }  # fmt: skip
    sheet.add(panel, wedge, key="wedge")
    ranks = np.argsort(np.argsort([np.arctan2(v[1], v[0]) for v in vectors], kind="stable"))
    for vector, rank, (role, symbol, colour) in zip(vectors, ranks, ROLES, strict=True):
        hue = look.shades.ten[colour]
        trace = {
            "type": "scatter", "mode": "lines+markers", "name": role,
            "x": [0.0, float(vector[0])], "y": [0.0, float(vector[1])],
            "line": {"color": hue, "width": 3},
            "marker": {"color": hue, "symbol": symbol, "size": [0, 15], "opacity": 1},
            "hovertemplate": f"{role}: (%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
        }  # fmt: skip
        sheet.add(panel, trace, key=role)
        position = _label_position(int(rank), vector)
        sheet.annotations.append(label(panel, role, float(vector[0]), float(vector[1]), hue, **position))
    arc = radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ends = np.concatenate([arc, np.stack([*vectors, np.zeros(2)])])
    low, high = ends.min(0) - 0.1 * radius, ends.max(0) + 0.1 * radius
    sheet.blank(panel, (low[0], high[0]), (low[1], high[1]))
    sheet.axis(panel, {"scaleanchor": panel.y})
