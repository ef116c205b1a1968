"""The maps animated: every image moves from its clean to its adversarial position."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import Pairs, by_method, common_classes, one_map
from tla.plots.drawing.map_traces import MapMeasures, fit_axes, no_points, segments, subtitle
from tla.plots.drawing.rows import counted
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look, rgba
from tla.plots.drawing.words import spread
from tla.statistics.intervals import Interval

STRIP = 52
"""Height of the strip with the slider, in pixels."""


class Walk(NamedTuple):
    """Clean and adversarial positions of the images of one map: float32 arrays of shape (2, n)."""

    start: np.ndarray
    end: np.ndarray


@figure("shift_morph", "map", optional=("shift",))
def shift_morph(
    points: Frame,
    *,
    look: Look = LIGHT,
    shift: Frame | None = None,
    methods: Sequence[str] | None = None,
    projection: str | None = None,
    seed: int | None = None,
    most: int = 1200,
    frames: int = 7,
) -> Figure:
    """The maps as an animation from clean to attacked: play it, or drag the slider.

    Args:
        points: The `map` table.
        look: Theme, width, source.
        shift: The `shift` table, for a measurement in the full space above each map.
        methods: Which methods, all by default.
        projection: By default umap.
        seed: The smallest by default.
        most: Maximum number of images over all panels; more are thinned evenly.
        frames: Positions of the slider, >= 2; the first is clean, the last attacked. The figure starts at the last.

    Raises:
        ValueError: for fewer than two frames.
    """
    if frames < 2:
        raise ValueError(f"frames must be >= 2 (clean and attacked), got {frames}; use 7")
    points = one_map(points, projection, seed)
    styles = look.methods(points["method"] if methods is None else methods)
    sheet = Sheet(look, max(len(styles), 1), least=270, head=46, left=10, foot=10, strip=STRIP)
    sheet.axis(sheet.panels[-1], {"visible": False}, {"visible": False})
    parts, measured = by_method(points, styles), MapMeasures(shift)
    fooled: dict[str, Interval] = {}
    walks: dict[int, Walk] = {}
    for panel, (method, style) in zip(sheet.panels, styles.items(), strict=False):
        fit_axes(sheet, panel, *parts[method])
        pairs = parts[method].pairs()
        fooled[method] = counted(pairs.wrong)
        shown = pairs.thin(max(1, most // len(styles)))
        _paths(sheet, panel, shown)
        walks[len(sheet.traces)] = Walk(np.stack([shown.u0, shown.v0]), np.stack([shown.u1, shown.v1]))
        sheet.add(panel, _images(look, shown))
        note = measured(method, pairs.id)
        sheet.title(panel, f"<b>{style.label}</b>: {pairs.misclassified()}" + subtitle(look, note))
    if not styles:
        no_points(sheet)
    _class_legend(sheet, points)
    labels = {name: style.label for name, style in styles.items()}
    n, most_shown = points["id"].nunique(), max((walk.start.shape[1] for walk in walks.values()), default=0)
    return sheet.figure(
        f"From clean to attacked: {f'{spread(fooled, labels)} end in a wrong class' if n else 'no points'}",
        f"n = {n} test images, {most_shown} shown per map, coloured by class; lines: paths of the misclassified. "
        "Only the ends are embeddings: positions between them are interpolated. Distances in a map prove nothing: "
        "the line above each map is measured in the full space.",
        layout=_controls(sheet, frames),
        frames=[_frame(walks, index, frames) for index in range(frames)],
    )


def _images(look: Look, pairs: Pairs) -> dict[str, Any]:
    """All images of a map at their adversarial positions, in the colour and symbol of their class."""
    classes, y = np.unique(pairs.y, return_inverse=True)
    names, colours, symbols = (
        np.array([style(int(k)) for k in classes], dtype=object)[y].tolist()
        for style in (look.class_name, look.class_colour, look.class_symbol)
    )
    return {
        "type": "scatter", "mode": "markers", "name": "images",
        "x": pairs.u1, "y": pairs.v1, "customdata": pairs.id, "text": names,
        "hovertemplate": "%{text}<br>image %{customdata}<extra></extra>",
        "marker": {
            "color": colours, "symbol": symbols, "size": 6, "opacity": 0.8, "line": {"width": 0},
        },
    }  # fmt: skip


def _paths(sheet: Sheet, panel: Panel, pairs: Pairs) -> None:
    wrong = pairs.where(pairs.wrong)
    if wrong.n:
        colour = rgba(sheet.look.shades.soft, 0.35)
        line = {"mode": "lines", "name": "misclassified", "line": {"color": colour, "width": 1}, "hoverinfo": "skip"}
        sheet.add(panel, segments(wrong) | line, key="paths")


def _class_legend(sheet: Sheet, points: Frame) -> None:
    """A legend entry for each class."""
    look = sheet.look
    for k in common_classes(points["y"].to_numpy()):
        marker = {"color": look.class_colour(k), "symbol": look.class_symbol(k), "size": 7}
        entry = {"type": "scatter", "mode": "markers", "name": look.class_name(k), "x": [None], "y": [None]}
        sheet.add(sheet.panels[0], entry | {"marker": marker}, key=f"class {k}")


def _frame(walks: dict[int, Walk], index: int, frames: int) -> dict[str, Any]:
    share = np.float32(index / (frames - 1))
    positions = [(1 - share) * walk.start + share * walk.end for walk in walks.values()]
    data = [{"type": "scatter", "x": u, "y": v} for u, v in positions]
    return {"name": str(index), "data": data, "traces": list(walks)}


def _controls(sheet: Sheet, frames: int) -> dict[str, Any]:
    """A play button and a slider, in the strip below the maps."""
    shade, top = sheet.look.shades, sheet.panels[-1].box[3]
    still = {"mode": "immediate", "transition": {"duration": 0}, "frame": {"duration": 0, "redraw": False}}
    pace = {"duration": 150, "easing": "linear"}
    play = {"fromcurrent": False, "transition": pace, "frame": {"duration": 150, "redraw": False}}
    ends = {0: "clean", frames - 1: "attacked"}
    steps = [
        {"method": "animate", "label": ends.get(index, ""), "args": [[str(index)], still]} for index in range(frames)
    ]
    font = {"size": 12, "color": shade.ink}
    place = {"xanchor": "left", "y": top, "yanchor": "top"}
    slider = {
        "active": frames - 1, "steps": steps, "currentvalue": {"visible": False}, "x": 0.16, "len": 0.78, **place,
        "pad": {"t": 6}, "font": font, "bgcolor": shade.grid, "bordercolor": shade.grid, "activebgcolor": shade.soft,
        "tickcolor": shade.soft, "minorticklen": 0,
    }  # fmt: skip
    button = {
        "type": "buttons", "showactive": False, "x": 0, "pad": {"t": 4}, **place, "font": font,
        "bgcolor": shade.panel, "bordercolor": shade.soft,
        "buttons": [{"label": "\u25b6 play", "method": "animate", "args": [None, play]}],
    }  # fmt: skip
    return {"sliders": [slider], "updatemenus": [button]}
