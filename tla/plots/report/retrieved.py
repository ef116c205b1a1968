"""Neighbours: picture rows, purity, recall."""

from html import escape
from typing import Any

from tla.plots.drawing.rows import first_seed
from tla.plots.drawing.words import number, trainings
from tla.plots.neighbour_rows import neighbour_rows
from tla.plots.purity_curves import purity_curves
from tla.plots.ranking_attacks import ranking_attacks
from tla.plots.ranking_rows import ranking_rows
from tla.plots.report.embed import embedded
from tla.plots.report.markup import absent, number_cell, section, share_cell, table
from tla.plots.report.material import Material
from tla.statistics.intervals import Interval, bootstrap_mean

TITLE = "Nearest neighbours, before and after the attack"
WHEN = ("before", "after")
THESE = ", for these trainings"
COLUMNS = {"recall_1": "recall@1", "recall_5": "recall@5", "recall_10": "recall@10", "map_at_r": "MAP@R"}


def retrieved(material: Material) -> str:
    """Picture rows of one query, purity against k, and the recall of all queries."""
    neighbours, retrieval = material.table("neighbours"), material.table("retrieval")
    if neighbours is None and retrieval is None:
        return absent("neighbours", TITLE, "neighbours", "neighbours", "analyse", material.name)
    lead = (
        "Each test image, clean and adversarial, is a query for the nearest natural training images in the model's "
        "embedding. A robust metric returns images of the true class even under attack."
    )
    lead += material.gallery
    look, pictures = material.look, material.pictures
    parts = []
    if neighbours is not None:
        parts.append(embedded("rows", lambda view: neighbour_rows(neighbours, look=view, pictures=pictures), look))
        if bool((neighbours["y"] >= 0).any()):
            parts.append(embedded("purity", lambda view: purity_curves(neighbours, look=view), look))
    parts += [_recall(material), _turnover(material), _path(material), *_attacked(material)]
    return section("neighbours", TITLE, lead, *parts)


def _attacked(material: Material) -> list[str]:
    """Attacks on the ranking: figures, and recall@1, MAP@R and mean rank before and after."""
    rows, lists = material.table("ranking"), material.table("ranking_lists")
    if rows is None:
        return []
    parts = [embedded("ranking", lambda view: ranking_attacks(rows, look=view), material.look)]
    if lists is not None:
        pictures = material.pictures
        parts.append(
            embedded("ranking-rows", lambda view: ranking_rows(lists, look=view, pictures=pictures), material.look)
        )
    body = []
    for (kind, eps), case in first_seed(rows).groupby(["kind", "eps"], sort=True):
        for method in material.methods:
            part = case[case["method"] == method]
            if part.empty:
                continue
            cells = [number_cell(bootstrap_mean(part[f"rank_{when}"].to_numpy(float)), 1) for when in WHEN]
            for name in ("recall_1", "map_at_r"):
                cells += [share_cell(bootstrap_mean(part[f"{name}_{when}"].to_numpy(float))) for when in WHEN]
            body.append([f"<b>{material.label(method)}</b>", escape(str(kind)), number(float(eps)), *cells])
    head = [f"{name} {when}" for name in ("mean rank", "recall@1", "MAP@R") for when in WHEN]
    n, size = rows["id"].nunique(), int(rows["gallery"].max())
    source = (
        f"This study, one training each, n = {n} queries, {size} items to rank. CA: one item is changed, QA: the "
        "query; +: the item (a random one of another class) is to rise, &minus;: the nearest one is to fall (Zhou et "
        "al. 2020). 95 % bootstrap intervals over the queries."
    )
    return [*parts, table(["", "attack", "eps", *head], body, source)]


def _recall(material: Material) -> str:
    rows = material.table("retrieval")
    if rows is None:
        return ""
    body = []
    for kind in ("clean", "adversarial"):
        for method in material.methods:
            part = rows[(rows["method"] == method) & (rows["kind"] == kind)]
            of = part["id"].to_numpy()
            cells = [share_cell(bootstrap_mean(part[name].to_numpy(float), of=of)) for name in COLUMNS]
            empty = [share_cell(Interval(float("nan"), 0, 0))] * len(COLUMNS)
            body.append([f"<b>{material.label(method)}</b>", kind, *(cells if len(part) else empty)])
    n, seeds = rows["id"].nunique(), rows["seed"].nunique()
    return table(
        ["%", "queries", *COLUMNS.values()],
        body,
        f"This study, n = {n} test images per row, {trainings(seeds)}; exact search by cosine distance; 95 % bootstrap "
        f"intervals over the images{THESE * (seeds > 1)}.",
    )


def _turnover(material: Material) -> str:
    """How many of the nearest neighbours the attack replaces, and the classes of those that leave and enter."""
    rows = material.table("neighbours")
    if rows is None:
        return ""
    k, seeds, body = int(rows["rank"].max()), rows["seed"].nunique(), []
    keys = ["seed", "id", "neighbour"]
    for method in material.methods:
        part = rows[rows["method"] == method]
        kinds = {kind: part[part["kind"] == kind].set_index(keys) for kind in ("clean", "adversarial")}
        left, entered = (
            kinds[one][~kinds[one].index.isin(kinds[other].index)]
            for one, other in (("clean", "adversarial"), ("adversarial", "clean"))
        )
        queries = kinds["adversarial"].reset_index()[["seed", "id"]].drop_duplicates()
        count = entered.groupby(["seed", "id"]).size().reindex(list(queries.itertuples(index=False, name=None)))
        entering = bootstrap_mean(count.fillna(0).to_numpy(float), of=queries["id"].to_numpy())
        sides = [side[side["y"] >= 0] for side in (left, entered)]
        own = [_over_images(side["neighbour_y"] == side["y"]) for side in sides]
        body.append([f"<b>{material.label(method)}</b>", number_cell(entering, 2), *map(share_cell, own)])
    return table(
        ["", f"entered, of {k}", "of the true class: those that left (%)", "those that entered (%)"],
        body,
        f"This study, {trainings(seeds)}: the {k} nearest natural images of the adversarial query against those of the "
        f"clean one. 95 % bootstrap intervals over the images{THESE * (seeds > 1)}.",
    )


def _over_images(values: Any) -> Interval:
    """Mean of a series with the images in its index, and its interval over them."""
    return bootstrap_mean(values.to_numpy(float), of=values.index.get_level_values("id").to_numpy())


def _path(material: Material) -> str:
    """The share of the nearest neighbours with the true class, along the attack."""
    rows = material.table("path")
    if rows is None:
        return ""
    last = int(rows["step"].max())
    steps = [step for step in (0, 1, 2, 5, 10, 20, 40) if step < last] + [last]
    body = []
    for method in material.methods:
        part = rows[rows["method"] == method]
        own = (part["neighbour_y"] == part["y"]).astype(float)
        shares = own.groupby([part["step"], part["seed"], part["id"], part["restart"]]).mean()
        after = shares.index.get_level_values("step")
        cells = [share_cell(_over_images(shares[after == step])) for step in steps]
        body.append([f"<b>{material.label(method)}</b>", *cells])
    n, k = rows["id"].nunique(), int(rows["rank"].max())
    return table(
        ["neighbours of the true class (%) after", *(f"{step} steps" if step != 1 else "1 step" for step in steps)],
        body,
        f"This study: the {k} nearest natural images along the recorded attacks of {n} images that the model gets "
        "right, every image attacked to the last step. 95 % bootstrap intervals over images.",
    )
