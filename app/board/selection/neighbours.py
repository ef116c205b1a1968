"""Nearest training images of the test images."""

from board.selection.shared import Frame, of_run
from board.studies import View


def nearest(view: View, sample: int, seed: int, kind: str, k: int) -> dict[str, Frame]:
    """The k nearest training images of a query, nearest first, per method.

    Args:
        view: The study.
        sample: Id of the query.
        seed: Training seed.
        kind: "clean" or "adversarial" query.
        k: Number of neighbours.
    """
    frame = of_run(view.table("neighbours"), seed)
    rows = frame.loc[(frame["id"] == sample) & (frame["kind"] == kind) & (frame["rank"] <= k)]
    rows = rows.sort_values(by="rank")
    return {str(method): group for method, group in rows.groupby("method", sort=False)}


def mostly_wrong(view: View, seed: int, methods: list[str], k: int) -> list[int]:
    """Ids whose adversarial query has, for at least one of the methods, mostly neighbours of other classes."""
    frame = of_run(view.table("neighbours"), seed, methods)
    rows = frame[(frame.kind == "adversarial") & (frame["rank"] <= k)]
    purity = (rows.neighbour_y == rows.y).groupby([rows.method, rows.id]).mean()
    return sorted({int(sample) for _, sample in purity.index[purity < 0.5]})


def largest_k(view: View) -> int:
    """How many neighbours of each query the study holds."""
    return int(view.table("neighbours")["rank"].to_numpy().max())
