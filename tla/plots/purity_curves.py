"""Do the nearest neighbours still have the image's class?"""

from collections.abc import Sequence

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.lines import band, line
from tla.plots.sheet import Sheet
from tla.plots.summary import first_seed, spread
from tla.plots.theme import LIGHT, Look


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
    for panel, kind in zip(sheet.panels, ("clean", "adversarial"), strict=True):
        for method, style in styles.items():
            part = rows[(rows["method"] == method) & (rows["kind"] == kind)]
            own = (part["neighbour_y"] == part["y"]).astype(float)
            table = own.groupby([part["id"], part["rank"]]).mean().unstack("rank").sort_index(axis=1)
            if table.empty:
                continue
            purity = table.cumsum(axis=1) / np.arange(1, table.shape[1] + 1)
            mean, error = purity.mean(), 1.96 * purity.std(ddof=0) / np.sqrt(len(purity))
            sheet.add(
                panel, band(table.columns, 100 * (mean - error), 100 * (mean + error).clip(upper=1), style.colour)
            )
            sheet.add(panel, line(table.columns, 100 * mean, style), key=method)
            if kind == "adversarial":
                at_most[method] = float(mean.iloc[-1])
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
