"""Do the nearest neighbours still have the image's class?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import spread


@figure("purity_curves", "neighbours")
def purity_curves(
    neighbours: Frame, *, look: Look = LIGHT, methods: Sequence[str] | None = None, seed: int | None = None
) -> Figure:
    """Share of the k nearest training images that have the query's class, against k; clean and adversarial queries.

    Args:
        neighbours: The `neighbours` table.
        look: Theme, width, source.
        methods: Which methods, by default all.
        seed: By default the smallest.
    """
    rows = first_seed(neighbours, seed)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, 2, least=300, height=300, head=26, left=60, foot=50)
    at_most: dict[str, float] = {}
    codes, names = pd.factorize(rows["method"])
    place = {str(name): code for code, name in enumerate(names)}
    kinds, ids, ranks = rows["kind"].to_numpy(), rows["id"].to_numpy(), rows["rank"].to_numpy()
    own = (rows["neighbour_y"].to_numpy() == rows["y"].to_numpy()).astype(float)
    for panel, kind in zip(sheet.panels, ("clean", "adversarial"), strict=True):
        asked = kinds == kind
        for method, style in styles.items():
            mine = np.flatnonzero(asked & (codes == place.get(method, -2)))
            if not len(mine):
                continue
            k, mean, error = _purity(ids[mine], ranks[mine], own[mine])
            sheet.add(panel, band(k, 100 * (mean - error), 100 * np.minimum(mean + error, 1), style.colour))
            sheet.add(panel, line(k, 100 * mean, style), key=method)
            if kind == "adversarial":
                at_most[method] = float(mean[-1])
        sheet.axis(panel, "number of neighbours k", {"title": "own class (%)", "range": [0, 104]})
        sheet.title(panel, f"<b>{kind} queries</b>")
    if not styles:
        sheet.empty(sheet.panels[0], "no neighbours were searched")
    labels = {name: style.label for name, style in styles.items()}
    k = int(rows["rank"].max()) if len(rows) else 0
    return sheet.figure(
        f"Neighbours of adversarial images: {spread(at_most, labels)} of the {k} nearest have the true class",
        f"n = {rows['id'].nunique()} test images against training images; "
        "bands: 95 % interval of the mean over the images.",
    )


def _purity(ids: np.ndarray, ranks: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Share of the k nearest that have the query's class, for every k.

    Args:
        ids: Query of each row.
        ranks: Rank of its neighbour, from 1.
        own: 1.0 where the neighbour has the query's class, else 0.0.

    Returns:
        k, the mean over the queries, and half of its 95 % interval, each of shape (number of ranks,).
    """
    (_, row), (k, column) = (np.unique(values, return_inverse=True) for values in (ids, ranks))
    table = np.full((row.max() + 1, len(k)), np.nan)
    table[row, column] = own
    purity = np.where(np.isnan(table), np.nan, np.nancumsum(table, axis=1)) / np.arange(1, len(k) + 1)
    error = 1.96 * np.nanstd(purity, axis=0) / np.sqrt(len(table))
    return k, np.nanmean(purity, axis=0), error
