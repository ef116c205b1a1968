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
from tla.statistics.intervals import Interval


@figure("purity_curves", "neighbours")
def purity_curves(
    neighbours: Frame, *, look: Look = LIGHT, methods: Sequence[str] | None = None, seed: int | None = None
) -> Figure:
    """Share of the k nearest training images that have the query's class, against k; clean and adversarial queries.

    Args:
        neighbours: The `neighbours` table.
        look: Theme, width, source.
        methods: Which methods, all by default.
        seed: The smallest by default.
    """
    rows = first_seed(neighbours, seed)
    styles = look.methods(rows["method"] if methods is None else methods)
    sheet = Sheet(look, 2, least=300, height=300, head=26, left=60, foot=50)
    purity_at_k: dict[str, Interval] = {}
    codes, names = pd.factorize(rows["method"])
    code_of = {str(name): code for code, name in enumerate(names)}
    kinds, ids, ranks = rows["kind"].to_numpy(), rows["id"].to_numpy(), rows["rank"].to_numpy()
    own = (rows["neighbour_y"].to_numpy() == rows["y"].to_numpy()).astype(float)
    for panel, kind in zip(sheet.panels, ("clean", "adversarial"), strict=True):
        queries = kinds == kind
        for method, style in styles.items():
            index = np.flatnonzero(queries & (codes == code_of.get(method, -2)))
            if not len(index):
                continue
            k, mean, error = _purity(ids[index], ranks[index], own[index])
            sheet.add(panel, band(k, 100 * (mean - error), 100 * np.minimum(mean + error, 1), style.colour))
            sheet.add(panel, line(k, 100 * mean, style), key=method)
            if kind == "adversarial":
                purity_at_k[method] = Interval(*(float(mean[-1] + side * error[-1]) for side in (0, -1, 1)))
        sheet.axis(panel, "number of neighbours k", {"title": "own class (%)", "range": [0, 104]})
        sheet.title(panel, f"<b>{kind} queries</b>")
    if not styles:
        sheet.empty(sheet.panels[0], "no neighbours were searched")
    labels = {name: style.label for name, style in styles.items()}
    k = int(rows["rank"].max()) if len(rows) else 0
    return sheet.figure(
        f"Neighbours of adversarial images: {spread(purity_at_k, labels)} of the {k} nearest have the true class",
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
        k, the mean over the queries, and the half-width of its 95 % interval, each of shape (number of ranks,).
    """
    (_, row), (k, column) = (np.unique(values, return_inverse=True) for values in (ids, ranks))
    table = np.full((row.max() + 1, len(k)), np.nan)
    table[row, column] = own
    purity = np.where(np.isnan(table), np.nan, np.nancumsum(table, axis=1)) / np.arange(1, len(k) + 1)
    error = 1.96 * np.nanstd(purity, axis=0) / np.sqrt(len(table))
    return k, np.nanmean(purity, axis=0), error
