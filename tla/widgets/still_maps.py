"""A still picture of an explorer: its maps with what is selected and in focus."""

from typing import Any, NamedTuple

import numpy as np

from tla.plots.drawing.map_points import common_classes
from tla.plots.drawing.rows import evenly
from tla.plots.drawing.theme import LIGHT_SHADES
from tla.plots.drawing.words import degrees, misclassified
from tla.widgets.scene import MapScene, MethodMap
from tla.widgets.stills import INK, SOFT, Still, faded, symbol_of

SIDE, HIGH, HEAD, GAP, MOST = 290, 250, 40, 12, 3
MOST_DRAWN, MOST_ARROWS = 20_000, 120


class ExplorerState(NamedTuple):
    """What an explorer shows of its scene.

    Attributes:
        methods: Whose maps.
        selected: Mask of the selected images, shape (n,); all False if none is.
        focus: Place of the image in focus; -1 for none.
        colour: "true", "predicted" or "flipped".
        morph: 0 for clean, 1 for adversarial.
        arrows: "selection", "all" or "none".
    """

    methods: list[str]
    selected: np.ndarray
    focus: int
    colour: str
    morph: float
    arrows: str


def still_maps(scene: MapScene, state: ExplorerState) -> bytes:
    """The maps as a PNG, three in a row.

    Args:
        scene: The maps.
        state: What is shown of them.
    """
    maps = [one for one in scene.maps if one.method in state.methods] or list(scene.maps)
    columns = min(MOST, len(maps))
    rows = -(-len(maps) // columns)
    still = Still(columns * (SIDE + GAP) + GAP, rows * (HIGH + HEAD + GAP) + 48)
    for number, one in enumerate(maps):
        row, column = divmod(number, columns)
        _panel(still, scene, one, state, GAP + column * (SIDE + GAP), GAP + row * (HIGH + HEAD + GAP))
    _legend(still, scene, state)
    chosen = int(state.selected.sum())
    words = f"{len(scene.ids)} images, {chosen} selected" if chosen else f"{len(scene.ids)} images"
    words += f", image {scene.ids[state.focus]} in focus" if state.focus >= 0 else ""
    still.text(GAP, still.height - 8, f"{words}; map: {scene.projection}", size=11, colour=SOFT, anchor="ls")
    return still.png()


def _panel(still: Still, scene: MapScene, one: MethodMap, state: ExplorerState, left: int, top: int) -> None:
    shown = state.selected if state.selected.any() else np.ones(len(scene.ids), bool)
    known = (scene.y >= 0) & (one.prediction >= 0) & shown
    wrong, before = ((found != scene.y)[known] for found in (one.prediction, one.clean))
    head = f": {misclassified(wrong.mean(), before.mean())}" if known.any() else ""
    still.text(left, top, f"{one.label}{head}", size=13)
    if "angle" in one.measures:
        turned = one.measures["angle"][shown]
        if np.isfinite(turned).any():
            still.text(left, top + 18, f"turned {degrees(float(np.nanmedian(turned)))}", size=11, colour=SOFT)
    still.box(left, top + HEAD, SIDE, HIGH)
    place = _placing(one, left, top + HEAD)
    points = place(one.start + (one.end - one.start) * state.morph)
    there = np.isfinite(points).all(axis=1)
    _points(still, scene, one, state, points, np.flatnonzero(there & ~shown), dim=True)
    _arrows(still, one, state, place, np.flatnonzero(there & (shown | (state.arrows == "all"))))
    _points(still, scene, one, state, points, np.flatnonzero(there & shown), dim=False)
    if state.focus >= 0 and there[state.focus]:
        for side, radius, width in ((one.start, 7, 1.5), (one.end, 9, 2.5)):
            x, y = place(side[[state.focus]])[0]
            still.ring(x, y, radius, width)


def _placing(one: MethodMap, left: float | int, top: float | int) -> Any:
    """From coordinates of a map to pixels of its panel, with one scale for both axes."""
    low, extent = one.frame()
    scale = min((SIDE - 24) / extent[0], (HIGH - 24) / extent[1])
    centre = np.array([left + SIDE / 2, top + HIGH / 2])
    return lambda points: centre + (points - low - extent / 2) * scale * [1, -1]


def _points(
    still: Still,
    scene: MapScene,
    one: MethodMap,
    state: ExplorerState,
    points: np.ndarray,
    which: np.ndarray,
    *,
    dim: bool,
) -> None:
    own = set(common_classes(scene.y))
    radius = 2.6 if len(scene.ids) < 1500 else 1.6
    for k in which[evenly(len(which), MOST_DRAWN)]:
        klass = int(one.prediction[k] if state.colour == "predicted" else scene.y[k])
        colour, symbol = LIGHT_SHADES.ten[klass % 10], symbol_of(klass)
        if klass not in own:
            colour, symbol = LIGHT_SHADES.pale, "circle"
        if state.colour == "flipped":
            wrong = one.prediction[k] != scene.y[k]
            colour, symbol = (LIGHT_SHADES.wrong, "x") if wrong else (LIGHT_SHADES.right, "circle")
        x, y = points[k].tolist()
        still.symbol(symbol, x, y, radius, faded(colour) if dim else colour)


def _arrows(still: Still, one: MethodMap, state: ExplorerState, place: Any, which: np.ndarray) -> None:
    if state.arrows == "none":
        return
    if state.arrows == "selection" and not state.selected.any():
        which = which[evenly(len(which), MOST_ARROWS)]
    for tail, tip in zip(place(one.start[which]), place(one.end[which]), strict=True):
        span = np.hypot(*(tip - tail))
        if span < 3:
            continue
        way = (tip - tail) / span * min(5, 0.6 * span)
        side = np.array([-way[1], way[0]]) * 0.42
        still.line([tail, tip], faded(INK, 0.5), 0.5)
        still.line([tip - way + side, tip, tip - way - side], faded(INK, 0.5), 0.5)


def _legend(still: Still, scene: MapScene, state: ExplorerState) -> None:
    entries = [(scene.classes[k], LIGHT_SHADES.ten[k % 10], symbol_of(k)) for k in common_classes(scene.y)]
    if state.colour == "flipped":
        entries = [("stays right", LIGHT_SHADES.right, "circle"), ("misclassified", LIGHT_SHADES.wrong, "x")]
    x, y = float(GAP + 6), still.height - 34
    for name, colour, symbol in entries:
        words = name if len(name) <= 14 else f"{name[:13]}\u2026"
        if x + 16 + 7 * len(words) > still.width:
            break
        still.symbol(symbol, x, y, 4, colour)
        still.text(x + 9, y, words, size=11, anchor="lm")
        x += 26 + 7 * len(words)
