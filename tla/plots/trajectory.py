"""One image under attack, step by step: its path in each map, what was measured, and a film strip."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.attack_path import AttackPath
from tla.plots.drawing.map_points import MapPoints, by_method, one_map
from tla.plots.drawing.map_traces import cloud, fit_axes
from tla.plots.drawing.picture_grid import add_picture
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.step_panels import STEP_PANELS, draw_steps
from tla.plots.drawing.theme import LIGHT, Look

Reel = Mapping[int, np.ndarray]
"""Pixels by attack step."""


class Grid(NamedTuple):
    """Where each method's panels are, one above the other.

    Attributes:
        columns: Methods side by side.
        rows: Rows of methods.
        deep: Panels of each method.
    """

    columns: int
    rows: int
    deep: int

    @classmethod
    def of(cls, methods: int, width: int, parts: int) -> "Grid":
        """A grid for so many methods in a figure of so many pixels, with so many panels for each."""
        columns = min(methods, 3 if width >= 900 else 2 if width >= 500 else 1)
        return cls(columns, -(-methods // columns), parts)

    def panels(self, sheet: Sheet, index: int) -> list[Panel]:
        """The panels of method number `index`, from above."""
        row, column = divmod(index, self.columns)
        return [sheet.panels[(self.deep * row + i) * self.columns + column] for i in range(self.deep)]


@figure("trajectory", "trajectory", optional=("map",))
def trajectory(
    steps: Frame,
    *,
    look: Look = LIGHT,
    map: Frame | None = None,
    image: int | None = None,
    methods: Sequence[str] | None = None,
    pictures: Pictures | None = None,
    seed: int | None = None,
    parts: Sequence[Literal["map", "distances", "probabilities", "margin", "loss"]] = ("map", "distances"),
) -> Figure:
    """The path of one attacked image in each method's map, and what was measured at each step.

    Args:
        steps: The `trajectory` table.
        look: Theme, width, source.
        map: The `map` table, for clean points behind the paths.
        image: Id of the image; by default one that fools some models only.
        methods: Which methods, all by default.
        pictures: With a film of the image, a strip shows how it changes, for the method that it fools first.
        seed: The smallest by default.
        parts: What is shown of each method: its map, distances to centroids, probabilities, margin, loss.
    """
    rows = first_seed(steps, seed)
    image = contested_image(rows) if image is None else image
    rows = rows[(rows["id"] == image) & (rows["eps"] == rows["eps"].min())]
    styles = look.methods(rows["method"] if methods is None else methods)
    paths = {method: AttackPath.of(rows, method) for method in styles}
    reel, whose, fooled = _reel(pictures, rows, image, paths)
    shown = [part for part in ("map", *STEP_PANELS) if part in parts]
    grid = Grid.of(max(len(styles), 1), look.width, len(shown))
    panels, strip = grid.deep * grid.columns * grid.rows, 148 if reel else 0
    sheet = Sheet(look, panels, columns=grid.columns, height=210, head=26, left=64, foot=44, strip=strip)
    clean = None if map is None else by_method(one_map(map, None, seed), styles)
    for index, (method, style) in enumerate(styles.items()):
        own = grid.panels(sheet, index)
        for part, panel in zip(shown, own, strict=True):
            if part == "map":
                sheet.deepen(panel, 34)
                _map(sheet, panel, paths[method], None if clean is None else clean[method].clean)
            else:
                draw_steps(sheet, panel, paths[method], part, last=panel is own[-1])
        sheet.title(own[0], f"<b>{style.label}</b>: {paths[method].words}")
    if "map" in shown:
        _class_legend(sheet, sorted({int(k) for path in paths.values() for k in path.prediction}))
    _hide_rest(sheet, grid, max(len(styles), 1))
    if not styles:
        sheet.empty(sheet.panels[0], "no attack was recorded")
    if reel:
        _film(sheet, sheet.panels[-1], reel, f"What {styles[whose].label} sees, step by step", fooled)
    name = look.class_name(int(rows["y"].iloc[0])) if len(rows) else "?"
    whom = _fooled({style.label: paths[method] for method, style in styles.items()})
    return sheet.figure(
        f"Test image {image} (class {name}), attacked, fools {whom}",
        _caption(rows, shown, film=bool(reel)),
    )


def _fooled(paths: dict[str, AttackPath]) -> str:
    fooled = [label for label, path in paths.items() if path.flip is not None]
    held = [label for label in paths if label not in fooled]
    if not fooled or not held:
        return "every model" if fooled else "no model"
    return f"every model but {', '.join(held)}" if len(held) < len(fooled) else f"only {', '.join(fooled)}"


def _hide_rest(sheet: Sheet, grid: Grid, used: int) -> None:
    for index in range(used, grid.columns * grid.rows):
        for panel in grid.panels(sheet, index):
            sheet.axis(panel, {"visible": False}, {"visible": False})


def _caption(rows: Frame, parts: Sequence[str], *, film: bool) -> str:
    way = "its path in a part of each map, over clean images (pale), coloured by the class predicted at each step"
    shown = [way if part == "map" else STEP_PANELS[part].about for part in parts]
    restarts = rows["restart"].nunique()
    runs = f"{restarts} restart{'' if restarts == 1 else 's'}"
    old = "margin" in parts and "margin" not in rows.columns
    return (
        f"n = 1 image, {runs}; from above: {'; '.join(shown)}. Distances in a map prove nothing."
        f"{' This study recorded one wrong class only, the false one: the margin is to that class.' if old else ''}"
        f"{' Dotted frames in the strip: misclassified.' if film else ''}"
    )


def contested_image(rows: Frame) -> int:
    """An image that fools some methods but not others; the smallest id on ties."""
    if rows.empty:
        return 0
    lost = rows.groupby(["id", "method"], observed=True)["success"].max().unstack().astype(float).mean(axis=1)
    return int((lost - 0.5).abs().idxmin())


def _map(sheet: Sheet, panel: Panel, path: AttackPath, background: MapPoints | None) -> None:
    look, shade = sheet.look, sheet.look.shades
    known = path.where(np.isfinite(path.u) & np.isfinite(path.v))
    if background is not None and background.n:
        _near(sheet, panel, background, known)
        pale = {"color": shade.pale, "size": 3, "opacity": 0.6}
        sheet.add(panel, cloud(look, background, "clean images", **pale), key="clean images")
    else:
        fit_axes(sheet, panel, MapPoints(known.step, known.y, known.prediction, known.u, known.v))
    if not len(known.step):
        sheet.empty(panel, "no path in this map")
    colours = [look.class_colour(int(k)) for k in known.prediction]
    symbols = [look.class_symbol(int(k)) for k in known.prediction]
    for restart in np.unique(known.restart).tolist():
        steps = np.flatnonzero(known.restart == restart)
        trace = {
            "type": "scatter", "mode": "lines+markers", "name": "path",
            "x": known.u[steps].astype(np.float32), "y": known.v[steps].astype(np.float32),
            "line": {"color": shade.soft, "width": 1.2},
            "marker": {"color": [colours[k] for k in steps], "symbol": [symbols[k] for k in steps], "size": 7},
            "customdata": known.step[steps].astype(np.int32),
            "text": [look.class_name(int(k)) for k in known.prediction[steps]],
            "hovertemplate": f"restart {restart}, step %{{customdata}}: %{{text}}<extra></extra>",
        }  # fmt: skip
        sheet.add(panel, trace)
    if len(known.step):
        first = int(known.step.argmin())
        mark = {"symbol": "star", "size": 11, "color": shade.ink, "line": {"color": shade.paper, "width": 1}}
        spot = {"type": "scatter", "mode": "markers", "name": "start"}
        spot |= {"x": [float(known.u[first])], "y": [float(known.v[first])]}
        sheet.add(panel, spot | {"marker": mark, "hovertemplate": "start<extra></extra>"}, key="start")


def _class_legend(sheet: Sheet, classes: Sequence[int]) -> None:
    """Legend entries for the classes that are predicted on a path."""
    look = sheet.look
    for k in classes:
        entry = {"type": "scatter", "mode": "markers", "name": look.class_name(k), "x": [None], "y": [None]}
        marker = {"color": look.class_colour(k), "symbol": look.class_symbol(k), "size": 8}
        sheet.add(sheet.panels[0], entry | {"marker": marker}, key=f"class {k}")


def _near(sheet: Sheet, panel: Panel, clean: MapPoints, path: AttackPath) -> None:
    """Axes around the path, at least a seventh of the map wide, so that a short path is seen in its surroundings."""
    limits = []
    for around, along in ((clean.u, path.u), (clean.v, path.v)):
        span = float(np.ptp(around)) or 1.0
        values = along if len(along) else around
        low, high = float(values.min()), float(values.max())
        half = max((high - low) * 0.75, span / 14 if len(along) else span / 2)
        limits.append(((low + high) / 2 - half, (low + high) / 2 + half))
    sheet.blank(panel, limits[0], limits[1])


def _reel(
    pictures: Pictures | None, rows: Frame, image: int, paths: dict[str, AttackPath]
) -> tuple[Reel, str, set[int]]:
    """The recorded pictures by step of the method that the image fools first, that method, and its misclassified steps.

    Pictures are kept of the first restart only.
    """
    films = {} if pictures is None or rows.empty else pictures.film
    firsts = {method: path.restarts[0] for method, path in paths.items() if len(path.step)} if films else {}
    for method in sorted(firsts, key=lambda name: (firsts[name].flip is None, firsts[name].flip or 0)):
        reel = films.get(f"{method}-seed{rows['seed'].iloc[0]}", {}).get(image)
        if reel:
            first = firsts[method]
            return reel, method, set(first.step[first.success.astype(bool)].tolist())
    return {}, "", set()


def _film(sheet: Sheet, strip: Panel, reel: Reel, title: str, fooled: set[int]) -> None:
    look = sheet.look
    steps = sorted(reel)
    most = 12 if look.width >= 900 else 6
    shown = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, min(len(steps), most)).round().astype(int))]
    sheet.blank(strip, (-0.5, len(shown) - 0.5), (-0.7, 0.85))
    sheet.note(strip, f"<b>{title}</b>", 0.5, 1.0, xanchor="center", yanchor="top", font={"color": look.shades.ink})
    for x, step in enumerate(shown):
        wrong = step in fooled
        colour = look.shades.wrong if wrong else look.shades.right
        add_picture(
            sheet, strip, reel[step], float(x), 0.0, size=0.8, border="wrong" if wrong else "right", colour=colour
        )
        sheet.annotations.append({
            "text": f"step {step}", "x": x, "y": -0.46, "xref": strip.x, "yref": strip.y, "showarrow": False,
            "yanchor": "top", "font": {"size": 11, "color": look.shades.soft},
        })  # fmt: skip
    sheet.add(strip, {"type": "scatter", "mode": "markers", "name": "film", "x": [0], "y": [0], "hoverinfo": "skip",
                      "marker": {"opacity": 0, "color": "#808080"}})  # fmt: skip
