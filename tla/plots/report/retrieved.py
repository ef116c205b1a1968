"""Neighbours: picture rows, purity, recall."""

from tla.plots.neighbour_rows import neighbour_rows
from tla.plots.purity_curves import purity_curves
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, section, share_cell, table
from tla.plots.report.material import Material
from tla.plots.summary import Interval, bootstrap_mean

TITLE = "Nearest neighbours, before and after the attack"
COLUMNS = {"recall_1": "recall@1", "recall_5": "recall@5", "recall_10": "recall@10", "map_at_r": "MAP@R"}


def retrieved(material: Material) -> str:
    """Picture rows of one query, purity against k, and the recall of all queries."""
    neighbours, retrieval = material.table("neighbours"), material.table("retrieval")
    if neighbours is None and retrieval is None:
        return absent("neighbours", TITLE, "neighbours", "neighbours", "analyse", material.name)
    lead = (
        "Each test image, clean and adversarial, asks for the natural training images nearest to it in the model's "
        "embedding. A robust metric returns images of the true class also under attack."
    )
    look, pictures = material.look, material.pictures
    parts = []
    if neighbours is not None:
        parts.append(embedded("rows", lambda view: neighbour_rows(neighbours, look=view, pictures=pictures), look))
        parts.append(embedded("purity", lambda view: purity_curves(neighbours, look=view), look))
    parts.append(_recall(material))
    return section("neighbours", TITLE, lead, *parts)


def _recall(material: Material) -> str:
    rows = material.table("retrieval")
    if rows is None:
        return ""
    body = []
    for kind in ("clean", "adversarial"):
        for method in material.methods:
            part = rows[(rows["method"] == method) & (rows["kind"] == kind)]
            cells = [share_cell(bootstrap_mean(part[name].to_numpy(float))) for name in COLUMNS]
            empty = [share_cell(Interval(float("nan"), 0, 0))] * len(COLUMNS)
            body.append([f"<b>{material.label(method)}</b>", kind, *(cells if len(part) else empty)])
    n = rows["id"].nunique()
    return table(
        ["%", "queries", *COLUMNS.values()],
        body,
        f"This study, n = {n} test images per row, all seeds; exact search by cosine distance; 95 % bootstrap "
        "intervals over the images.",
    )
