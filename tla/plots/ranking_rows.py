"""Picture rows: the first items of one query's list, before and after an attack on the ranking."""

from collections.abc import Sequence

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.picture_grid import add_picture, hover_points, label
from tla.plots.drawing.pictures import Pictures
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.ranking_attacks import KINDS

NAMES = 76
"""Width of the method names in pixels."""


@figure("ranking_rows", "ranking_lists")
def ranking_rows(
    lists: Frame,
    *,
    look: Look = LIGHT,
    pictures: Pictures | None = None,
    kind: str = "QA+",
    query: int | None = None,
    eps: float | int | None = None,
    methods: Sequence[str] | None = None,
    seed: int | None = None,
) -> Figure:
    """The nearest items of one query per method, before and after the attack: who stays, leaves and enters.

    Args:
        lists: The `ranking_lists` table.
        look: Theme, width, source.
        pictures: Pixels by id; a missing picture is replaced by its class name.
        kind: Which attack: "CA+", "CA-", "QA+" or "QA-".
        query: Id of the test image; the first by default.
        eps: Which eps, by default the smallest.
        methods: Which methods, all by default.
        seed: The smallest by default.

    Raises:
        ValueError: for an unknown kind.
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
    rows = first_seed(lists, seed)
    rows = rows[rows["kind"] == kind]
    rows = rows[np.isclose(rows["eps"], rows["eps"].min() if eps is None else eps)]
    query = int(rows["id"].iloc[0]) if query is None and len(rows) else query
    shown, styles = rows[rows["id"] == query], look.methods(rows["method"] if methods is None else methods)
    columns = 2 if look.width >= 900 else 1
    width, k = (look.width - 14) / columns - 14, int(rows["rank"].max()) if len(rows) else 1
    cell = min(76.0, (width - NAMES) / (k + 1.6))
    height = round(max(len(styles), 1) * cell) + 8
    sheet = Sheet(look, 2, columns=columns, height=height, left=14, foot=8, head=28)
    for panel, when in zip(sheet.panels, ("before", "after"), strict=True):
        sheet.blank(panel, (-0.6 - NAMES / cell, (width - NAMES) / cell - 0.6), (len(styles) - 0.45, -0.55))
        sheet.title(panel, f"<b>{when} the attack</b>")
        for row, (method, style) in enumerate(styles.items()):
            name = f"<b>{style.label}</b>"
            sheet.annotations.append(label(panel, name, -0.62, row, look.shades.ink, xanchor="right"))
            part = shown[(shown["method"] == method) & (shown["list"] == when)].sort_values("rank")
            _row(sheet, panel, part, pictures or Pictures(), row, query)
        if rows.empty:
            sheet.empty(panel, "no ranking was attacked")
    return sheet.figure(_title(shown, kind, query), _caption(rows))


def _row(sheet: Sheet, panel: Panel, part: Frame, pictures: Pictures, row: int, query: int | None) -> None:
    look = sheet.look
    if part.empty or query is None:
        sheet.annotations.append(label(panel, "not attacked", 0.5, row, look.shades.soft, xanchor="left"))
        return
    add_picture(sheet, panel, pictures.test.get(query), 0, row, border="query", colour=look.shades.ink)
    xs, hover, ids = [0.0], ["the query"], [query]
    for i, item in enumerate(part.itertuples(), start=1):
        picture, stays = pictures.gallery.get(int(item.neighbour)), item.change == "stays"
        colour = look.shades.right if stays else look.shades.wrong
        border = "query" if item.candidate else "right" if stays else "wrong"
        x = i + 0.35
        add_picture(sheet, panel, picture, x, row, border=border, colour=look.shades.ink if item.candidate else colour)
        name = look.class_name(int(item.neighbour_y)) if item.neighbour_y >= 0 else f"#{item.neighbour}"
        if picture is None:
            sheet.annotations.append(label(panel, name, x, row, colour))
        xs.append(x)
        which = "the attacked item, " if item.candidate else ""
        hover.append(f"{which}rank {item.rank}, {name}, {item.change}, distance {item.distance:.3f}")
        ids.append(int(item.neighbour))
    if pictures.test.get(query) is None:
        sheet.annotations.append(label(panel, f"#{query}", 0, row, look.shades.ink))
    sheet.add(panel, hover_points(xs, [row] * len(xs), ids, hover))


def _title(shown: Frame, kind: str, query: int | None) -> str:
    if shown.empty:
        return "Attacks on the ranking: none of this query"
    entered = shown[(shown["list"] == "after") & (shown["change"] == "enters")]
    counts = entered.groupby("method").size().reindex(shown["method"].unique(), fill_value=0)
    low, high = int(counts.min()), int(counts.max())
    size = int(shown["rank"].max())
    words = f"{low}" if low == high else f"{low} to {high}"
    return f"{kind.replace('-', chr(0x2212))} on test image {query}: {words} of the first {size} items are new"


def _caption(rows: Frame) -> str:
    eps = radius_text(float(rows["eps"].iloc[0]) if len(rows) else float("nan"))
    return (
        f"eps = {eps}. Left: the query; then its nearest training images, as they are without noise. Black border: "
        "the attacked item; solid: in both lists; dotted: leaves (before) or enters (after). One query is an example, "
        "not a measurement."
    )
