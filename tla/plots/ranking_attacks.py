"""How far attacks move one item in a query's ranking, against eps."""

from collections.abc import Sequence

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Panel, Sheet
from tla.plots.drawing.theme import LIGHT, Look, Style
from tla.plots.drawing.words import ends
from tla.statistics.intervals import Interval, bootstrap_mean

KINDS = {
    "CA+": "CA+: item changed, it rises", "CA-": "CA\u2212: item changed, it falls",
    "QA+": "QA+: query changed, item rises", "QA-": "QA\u2212: query changed, item falls",
}  # fmt: skip


@figure("ranking_attacks", "ranking")
def ranking_attacks(
    ranking: Frame, *, look: Look = LIGHT, methods: Sequence[str] | None = None, seed: int | None = None
) -> Figure:
    """Mean place of the attacked item in the query's list against eps, a panel per attack; 0 % is the top.

    Args:
        ranking: The `ranking` table.
        look: Theme, width, source.
        methods: Which methods, all by default.
        seed: The smallest by default.
    """
    rows = first_seed(ranking, seed)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, len(KINDS), least=250, height=230, head=30, left=62, foot=50)
    least: dict[str, Interval] = {}
    for panel, (kind, text) in zip(sheet.panels, KINDS.items(), strict=True):
        for method, style in styles.items():
            part = rows[(rows["method"] == method) & (rows["kind"] == kind)]
            places = _draw(sheet, panel, part, style, method)
            if kind == "QA+" and places:
                least[method] = places[-1]
        sheet.axis(panel, {"title": "eps", "rangemode": "tozero"}, {"title": "place (%)", "range": [104, -4]})
        sheet.title(panel, text)
        if rows.empty:
            sheet.empty(panel, "no ranking was attacked")
    return sheet.figure(_title(least, {name: style.label for name, style in styles.items()}), _caption(rows))


def place_of(rows: Frame, when: str) -> np.ndarray:
    """Place of each row's item in its list, 0 for the top and 100 for the end.

    Args:
        rows: Rows of the `ranking` table.
        when: "before" or "after".
    """
    return 100 * (rows[f"rank_{when}"].to_numpy(float) - 1) / np.maximum(rows["gallery"].to_numpy(float) - 1, 1)


def _draw(sheet: Sheet, panel: Panel, part: Frame, style: Style, key: str) -> list[Interval]:
    """The line of one method, from its clean place at eps 0 on; its means."""
    if part.empty:
        return []
    radii = sorted(float(eps) for eps in part["eps"].unique())
    first = part[part["eps"] == radii[0]]
    means = [bootstrap_mean(place_of(first, "before"))]
    means += [bootstrap_mean(place_of(part[part["eps"] == eps], "after")) for eps in radii]
    value, low, high = (np.array(side) for side in zip(*means, strict=True))
    sheet.add(panel, band(np.array([0.0, *radii]), low, high, style.colour))
    sheet.add(panel, line([0.0, *radii], value, style), key=key)
    return means


def _title(places: dict[str, Interval], labels: dict[str, str]) -> str:
    if not places:
        return "Attacks on the ranking: none was run"
    words = ends(places, labels, lambda place: f"{place:.0f} %")
    return f"A changed query lifts an item of another class to a mean place {words} down the list"


def _caption(rows: Frame) -> str:
    if rows.empty:
        return "n = 0."
    return (
        f"n = {rows['id'].nunique()} queries in a gallery of {int(rows['gallery'].max())} training images, one item "
        "each: to rise a random one of another class, to fall the nearest; bands: 95 % interval (bootstrap) over the "
        "queries; one training each."
    )
