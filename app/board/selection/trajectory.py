"""What the recorded paths of attacked images say, and where the evaluation of the same attack says otherwise."""

from board.selection.focus import outcomes
from board.selection.shared import Frame
from board.studies import View


def fooled_counts(rows: Frame) -> dict[int, str]:
    """How many methods each recorded image fools at some step of its path: "fools 3 of 4 methods", in two lines.

    Args:
        rows: Of the table `trajectory`: one seed, the methods that are shown.
    """
    fooled = rows.groupby(["id", "method"], observed=True)["success"].max().astype(bool)
    counts = fooled.groupby(level="id").agg(["sum", "size"])
    return {
        int(i): f"fools {int(n)} of {int(size)}\nmethod{'' if size == 1 else 's'}"
        for i, n, size in zip(counts.index, counts["sum"], counts["size"], strict=True)
    }


def otherwise(view: View, rows: Frame, seed: int, sample: int) -> dict[str, bool]:
    """Methods of which the evaluation says other than the recorded path, and whether it fools them in the evaluation.

    Both are runs of the main attack, from different random starts.

    Args:
        view: The study.
        rows: Of the table `trajectory`: one seed, the methods that are shown.
        seed: Training seed.
        sample: Id of the image.
    """
    table = outcomes(view, seed)
    if sample not in table.index:
        return {}
    path = rows.loc[rows["id"] == sample].groupby("method", observed=True)["success"].max().astype(bool)
    evaluated = table.loc[sample].dropna().astype(bool)
    return {
        str(method): bool(evaluated[method])
        for method, flips in path.items()
        if method in evaluated and evaluated[method] != flips
    }
