"""One image under attack, step by step: its path in each map, its distances to centroids, and a film strip."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.map_points import MapPoints, by_method, one_map
from tla.plots.drawing.map_traces import cloud, fit_axes
from tla.plots.drawing.marks import line
from tla.plots.drawing.picture_grid import add_picture
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look

Reel = Mapping[int, np.ndarray]
"""Pixels by attack step."""


class Path(NamedTuple):
    """The steps of the attack on one image and method as arrays of length n, restart after restart.

    Attributes:
        restart: Number of the restart.
        step: Step of the attack, from 0.
        y: Class of the image.
        prediction: Predicted class.
        success: True where the image is misclassified.
        u: Horizontal coordinate in the method's map, or nan.
        v: Vertical coordinate in the method's map, or nan.
        distance_own: Cosine distance to the centroid of its own class.
        distance_false: Cosine distance to the false centroid.
    """

    restart: np.ndarray
    step: np.ndarray
    y: np.ndarray
    prediction: np.ndarray
    success: np.ndarray
    u: np.ndarray
    v: np.ndarray
    distance_own: np.ndarray
    distance_false: np.ndarray

    @classmethod
    def of(cls, rows: Frame, method: str) -> "Path":
        """One method's path from the rows of one image."""
        path = cls(*(rows[name].to_numpy() for name in cls._fields)).where((rows["method"] == method).to_numpy(bool))
        return path.where(np.lexsort((path.step, path.restart)))

    def where(self, which: np.ndarray) -> "Path":
        """The steps selected by a mask or indices."""
        return Path(*(values[which] for values in self))

    @property
    def flip(self) -> int | None:
        """The first step at which the image is misclassified."""
        fooled = self.step[self.success.astype(bool)]
        return int(fooled.min()) if len(fooled) else None


class Grid(NamedTuple):
    """Where each method's two panels are, the map above the distances.

    Attributes:
        columns: Methods side by side.
        rows: Rows of methods.
        deep: Panels of each method, one above the other.
    """

    columns: int
    rows: int
    deep: int = 2

    @classmethod
    def of(cls, methods: int, width: int, parts: int = 2) -> "Grid":
        """A grid for so many methods in a figure of so many pixels, with so many panels for each."""
        columns = min(methods, 3 if width >= 900 else 2 if width >= 500 else 1)
        return cls(columns, -(-methods // columns), parts)

    def panels(self, sheet: Sheet, index: int) -> tuple[Panel, Panel]:
        """The map and the distances of method number `index`; the same panel twice where there is one for both."""
        row, column = divmod(index, self.columns)
        above, below = (sheet.panels[(self.deep * row + i) * self.columns + column] for i in (0, self.deep - 1))
        return above, below


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
    parts: Sequence[Literal["map", "distances"]] = ("map", "distances"),
) -> Figure:
    """The path of one attacked image in each method's map, and its distances to its own and the false centroid.

    Args:
        steps: The `trajectory` table.
        look: Theme, width, source.
        map: The `map` table, for clean points behind the paths.
        image: Id of the image; by default one that fools some models only.
        methods: Which methods, all by default.
        pictures: With a film of the image, a strip shows how it changes, for the method that it fools first.
        seed: The smallest by default.
        parts: What is shown of each method: its map, the distances, or both.
    """
    rows = first_seed(steps, seed)
    image = contested_image(rows) if image is None else image
    rows = rows[(rows["id"] == image) & (rows["eps"] == rows["eps"].min())]
    styles = look.methods(rows["method"] if methods is None else methods)
    paths = {method: Path.of(rows, method) for method in styles}
    reel, whose, flip = _reel(pictures, rows, image, paths)
    grid = Grid.of(max(len(styles), 1), look.width, len(set(parts)))
    panels, strip = grid.deep * grid.columns * grid.rows, 148 if reel else 0
    sheet = Sheet(look, panels, columns=grid.columns, height=210, head=26, left=64, foot=44, strip=strip)
    clean = None if map is None else by_method(one_map(map, None, seed), styles)
    for index, (method, style) in enumerate(styles.items()):
        above, below = grid.panels(sheet, index)
        path = paths[method]
        if "map" in parts:
            sheet.deepen(above, 34)
            _map(sheet, above, path, None if clean is None else clean[method].clean)
        if "map" in parts and not index:
            _marker_legend(sheet)
        if "distances" in parts:
            _distances(sheet, below, path)
        result = "never fooled" if path.flip is None else f"flips at step {path.flip}"
        sheet.title(above, f"<b>{style.label}</b>: {result}")
    for index in range(max(len(styles), 1), grid.columns * grid.rows):
        for panel in grid.panels(sheet, index):
            sheet.axis(panel, {"visible": False}, {"visible": False})
    if not styles:
        sheet.empty(sheet.panels[0], "no attack was recorded")
    if reel:
        _film(sheet, sheet.panels[-1], reel, f"What {styles[whose].label} sees, step by step", flip)
    own = look.class_name(int(rows["y"].iloc[0])) if len(rows) else "?"
    fooled = _fooled({style.label: paths[method] for method, style in styles.items()})
    return sheet.figure(
        f"Test image {image} (class {own}), attacked, fools {fooled}",
        _caption(rows["restart"].nunique(), parts, film=bool(reel)),
    )


def _fooled(paths: dict[str, Path]) -> str:
    held = [label for label, path in paths.items() if path.flip is None]
    if len(held) == len(paths):
        return "no model"
    return f"every model but {', '.join(held)}" if held else "every model"


def _caption(restarts: int, parts: Sequence[str], *, film: bool) -> str:
    way = "its path in a part of each map, over clean images (pale)"
    measured = "cosine distance to its own and to the false centroid in the full space"
    shown = [text for part, text in (("map", way), ("distances", measured)) if part in parts]
    text = f"above: {way}; below: {measured}" if len(shown) == 2 else shown[0]
    runs = f"{restarts} restart{'' if restarts == 1 else 's'}"
    return f"n = 1 image, {runs}; {text}, since distances in a map prove nothing." + (
        " Dotted frames in the strip: misclassified." if film else ""
    )


def contested_image(rows: Frame) -> int:
    """An image that fools some methods but not others; the smallest id on ties."""
    if rows.empty:
        return 0
    lost = rows.groupby(["id", "method"], observed=True)["success"].max().unstack().astype(float).mean(axis=1)
    return int((lost - 0.5).abs().idxmin())


def _map(sheet: Sheet, panel: Panel, path: Path, background: MapPoints | None) -> None:
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
    right = known.prediction == known.y
    colours, symbols = np.where(right, shade.right, shade.wrong), np.where(right, "circle", "x")
    for restart in np.unique(known.restart).tolist():
        steps = known.restart == restart
        trace = {
            "type": "scatter", "mode": "lines+markers", "name": "path",
            "x": known.u[steps].astype(np.float32), "y": known.v[steps].astype(np.float32),
            "line": {"color": shade.soft, "width": 1.2},
            "marker": {"color": colours[steps].tolist(), "symbol": symbols[steps].tolist(), "size": 6},
            "customdata": known.step[steps].astype(np.int32),
            "hovertemplate": f"restart {restart}, step %{{customdata}}<extra></extra>",
        }  # fmt: skip
        sheet.add(panel, trace)
    if len(known.step):
        first = int(known.step.argmin())
        mark = {"symbol": "star", "size": 11, "color": shade.ink, "line": {"color": shade.paper, "width": 1}}
        spot = {"type": "scatter", "mode": "markers", "name": "start"}
        spot |= {"x": [float(known.u[first])], "y": [float(known.v[first])]}
        sheet.add(panel, spot | {"marker": mark, "hovertemplate": "start<extra></extra>"}, key="start")


def _marker_legend(sheet: Sheet) -> None:
    """Legend entries for the markers on a path."""
    shade = sheet.look.shades
    for name, colour, symbol in (("still right", shade.right, "circle"), ("misclassified", shade.wrong, "x")):
        entry = {"type": "scatter", "mode": "markers", "name": name, "x": [None], "y": [None]}
        sheet.add(sheet.panels[0], entry | {"marker": {"color": colour, "symbol": symbol, "size": 8}}, key=name)


def _near(sheet: Sheet, panel: Panel, clean: MapPoints, path: Path) -> None:
    """Axes around the path, at least a seventh of the map wide, so that a short path is seen in its surroundings."""
    limits = []
    for around, along in ((clean.u, path.u), (clean.v, path.v)):
        span = float(np.ptp(around)) or 1.0
        values = along if len(along) else around
        low, high = float(values.min()), float(values.max())
        half = max((high - low) * 0.75, span / 14 if len(along) else span / 2)
        limits.append(((low + high) / 2 - half, (low + high) / 2 + half))
    sheet.blank(panel, limits[0], limits[1])


def _distances(sheet: Sheet, panel: Panel, path: Path) -> None:
    steps, index = np.unique(path.step, return_inverse=True)
    if not np.isfinite([path.distance_own, path.distance_false]).any():
        sheet.empty(panel, "no distance was measured")
    shade, style = sheet.look.shades, sheet.look.methods(["at"])["at"]
    for values, name, colour, dash in (
        (path.distance_own, "to own centroid", shade.right, "solid"),
        (path.distance_false, "to false centroid", shade.wrong, "dash"),
    ):
        means = _means(values, index, len(steps))
        sheet.add(
            panel, line(steps, means, style._replace(colour=colour, dash=dash, label=name), markers=False), key=name
        )
    sheet.axis(panel, "attack step", {"title": "distance", "rangemode": "tozero"})


def _means(values: np.ndarray, index: np.ndarray, n: int) -> np.ndarray:
    """Mean of the finite values of each of `n` steps, nan where there are none."""
    known = np.isfinite(values)
    counts = np.bincount(index[known], minlength=n)
    return np.bincount(index[known], values[known], minlength=n) / np.where(counts, counts, np.nan)


def _reel(pictures: Pictures | None, rows: Frame, image: int, paths: dict[str, Path]) -> tuple[Reel, str, int | None]:
    """The recorded pictures by step of the method that the image fools first, that method, and the step."""
    films = {} if pictures is None or rows.empty else pictures.film
    flips = {method: _first_flip(path) for method, path in paths.items()} if films else {}
    for method in sorted(flips, key=lambda name: (flips[name] is None, flips[name] or 0)):
        reel = films.get(f"{method}-seed{rows['seed'].iloc[0]}", {}).get(image)
        if reel:
            return reel, method, flips[method]
    return {}, "", None


def _first_flip(path: Path) -> int | None:
    return path.where(path.restart == path.restart.min(initial=np.iinfo(np.int64).max)).flip


def _film(sheet: Sheet, strip: Panel, reel: Reel, title: str, flip: int | None) -> None:
    look = sheet.look
    steps = sorted(reel)
    most = 12 if look.width >= 900 else 6
    shown = [steps[i] for i in np.unique(np.linspace(0, len(steps) - 1, min(len(steps), most)).round().astype(int))]
    sheet.blank(strip, (-0.5, len(shown) - 0.5), (-0.7, 0.85))
    sheet.note(strip, f"<b>{title}</b>", 0.5, 1.0, xanchor="center", yanchor="top", font={"color": look.shades.ink})
    for x, step in enumerate(shown):
        wrong = flip is not None and step >= flip
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
