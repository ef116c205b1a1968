"""Picture rows: a query, and the training images nearest to it in each model's embedding."""

from collections.abc import Sequence
from typing import Any

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.picture_grid import add_picture, hover_points, label
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet, text_width
from tla.plots.drawing.theme import LIGHT, Look

NAMES = 76
"""Width of the method names in pixels."""
LETTERS = 14
"""Maximum length of the predicted class's name."""


@figure("neighbour_rows", "neighbours")
def neighbour_rows(
    neighbours: Frame,
    *,
    look: Look = LIGHT,
    pictures: Pictures | None = None,
    query: int | None = None,
    kinds: Sequence[str] = ("clean", "adversarial"),
    methods: Sequence[str] | None = None,
    k: int | None = None,
    seed: int | None = None,
) -> Figure:
    """The k nearest training images of one query per method; solid border: the query's true class, dotted: another.

    Args:
        neighbours: The `neighbours` table.
        look: Theme, width, source.
        pictures: Pixels by id; a missing picture is replaced by its class name.
        query: Id of the test image; by default one whose neighbours the attack changes in some models only.
        kinds: "clean", "adversarial" or both: which query, side by side where there is room.
        methods: Which methods, all by default.
        k: Number of neighbours; by default as many as fit the width.
        seed: The smallest by default.
    """
    rows = first_seed(neighbours, seed)
    pictures = pictures or Pictures()
    query = contested_query(rows) if query is None else query
    styles = look.methods(rows["method"] if methods is None else methods)
    k = min(k or (6 if look.width >= 900 else 5), int(rows["rank"].max()) if len(rows) else 1)
    columns = len(kinds) if look.width >= 900 else 1
    width = (look.width - 14) / columns - 14
    shown = rows[rows["id"] == query]
    cell = _cell_size(look, shown, width, k)
    height = round(max(len(styles), 1) * cell) + 8
    sheet = Sheet(look, max(len(kinds), 1), columns=columns, height=height, left=14, foot=8, head=28)
    share: dict[str, float] = {}
    for panel, kind in zip(sheet.panels, kinds, strict=False):
        _bare(sheet, panel, (-0.6 - NAMES / cell, (width - NAMES) / cell - 0.6), (len(styles) - 0.45, -0.55))
        sheet.title(panel, f"<b>{kind} query</b>")
        for row, (method, style) in enumerate(styles.items()):
            nearest = shown[(shown["method"] == method) & (shown["kind"] == kind)].sort_values("rank").head(k)
            name = f"<b>{style.label}</b>"
            sheet.annotations.append(label(panel, name, -0.62, row, look.shades.ink, xanchor="right"))
            _row(sheet, panel, nearest, pictures, row, method, kind, query)
            if kind == "adversarial" and len(nearest) and int(nearest["y"].iloc[0]) >= 0:
                share[style.label] = float((nearest["neighbour_y"] == nearest["y"]).mean())
    if not len(rows):
        sheet.empty(sheet.panels[0], "no neighbours were searched")
    klass = look.class_name(int(shown["y"].iloc[0])) if len(shown) else "?"
    known = not len(shown) or int(shown["y"].iloc[0]) >= 0
    of = f" (class {klass}): {_words(share, k)}" if known else ""
    return sheet.figure(
        f"Nearest training images of test image {query}{of}",
        f"Left: the query; then its {k} nearest natural training images in the full embedding. "
        f"{f'Solid border: class {klass}, dotted: another class. ' if known else ''}"
        "One image is an example, not a measurement: see the recall of all queries.",
    )


def contested_query(rows: Frame) -> int:
    """The query whose adversarial neighbours keep its class in some models only; the smallest id on ties."""
    attacked = rows[rows["kind"] == "adversarial"]
    attacked = attacked if len(attacked) else rows
    if attacked.empty:
        return 0
    right = (attacked["neighbour_y"] == attacked["y"]).astype(float)
    own = right.groupby([attacked["id"], attacked["method"]]).mean().unstack()
    return int((own.max(axis=1) - own.min(axis=1)).idxmax())


def _cell_size(look: Look, rows: Frame, width: float, k: int) -> float:
    """Edge of a picture's cell in pixels: k neighbours, the query and the predicted class must fit the width."""
    predicted = [text_width(look.class_name(int(klass), LETTERS), 13) for klass in rows["prediction"].unique()]
    return min(84.0, (width - NAMES - max([64.0, *(24 + pixels for pixels in predicted)])) / (k + 1.4))


def _bare(sheet: Sheet, panel: Panel, x: tuple[Any, Any], y: tuple[Any, Any]) -> None:
    sheet.blank(panel, x, y)
    for axis in (panel.x, panel.y):
        sheet.axes[f"{axis[0]}axis{axis[1:]}"] |= {"showline": False, "mirror": False, "fixedrange": True}


def _row(
    sheet: Sheet, panel: Panel, nearest: Frame, pictures: Pictures, row: int, method: str, kind: str, query: int
) -> None:
    look = sheet.look
    if nearest.empty:
        sheet.annotations.append(label(panel, "not searched", 0.5, row, look.shades.soft, xanchor="left"))
        return
    first = nearest.iloc[0]
    model = f"{method}-seed{first['seed']}"
    image = pictures.test.get(query) if kind == "clean" else pictures.adversarial.get(model, {}).get(query)
    predicted = look.class_name(int(first["prediction"]))
    right = first["prediction"] == first["y"]
    add_picture(sheet, panel, image, 0, row, border="query", colour=look.shades.ink)
    xs, hover, ids = [0.0], [f"{kind} query, predicted as {predicted}"], [query]
    columns = zip(*(nearest[name].tolist() for name in ("neighbour", "neighbour_y", "rank", "distance")), strict=True)
    for i, (neighbour, klass, rank, distance) in enumerate(columns, start=1):
        same = klass == first["y"] and klass >= 0
        picture = pictures.gallery.get(neighbour)
        colour = look.shades.right if same else look.shades.wrong
        colour = colour if klass >= 0 else look.shades.soft
        border = "right" if same else "wrong" if klass >= 0 else "query"
        add_picture(sheet, panel, picture, i + 0.35, row, border=border, colour=colour)
        name = look.class_name(klass)
        if picture is None:
            known = name if klass >= 0 else f"#{neighbour}"
            sheet.annotations.append(label(panel, known, i + 0.35, row, colour))
        xs.append(i + 0.35)
        hover.append(f"neighbour {rank}: class {name}, distance {distance:.3f}, training image {neighbour}")
        ids.append(neighbour)
    if image is None:
        sheet.annotations.append(label(panel, f"#{query}", 0, row, look.shades.ink))
    sheet.add(panel, hover_points(xs, [row] * len(xs), ids, hover))
    if first["prediction"] < 0 or first["y"] < 0:
        return
    text = ("✓ " if right else "✕ ") + look.class_name(int(first["prediction"]), LETTERS)
    colour = look.shades.right if right else look.shades.wrong
    sheet.annotations.append(label(panel, text, len(nearest) + 0.95, row, colour, xanchor="left", font={"size": 13}))


def _words(share: dict[str, float], k: int) -> str:
    if not share:
        return "no adversarial query"
    low, high = min(share, key=share.__getitem__), max(share, key=share.__getitem__)
    count = {name: round(value * k) for name, value in share.items()}
    if count[low] == count[high]:
        return f"{count[low]} of {k} keep its class under attack"
    return f"under attack {count[low]} of {k} keep its class for {low}, {count[high]} for {high}"
