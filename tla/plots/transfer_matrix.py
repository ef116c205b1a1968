"""Transfer: adversarial images crafted on one model, evaluated on another."""

import numpy as np

from tla.messages import radius_text
from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.heatmap import PLAIN, heatmap
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look


@figure("transfer_matrix", "transfer")
def transfer_matrix(transfer: Frame, *, look: Look = LIGHT, attack: str | None = None) -> Figure:
    """Accuracy of every model on adversarial images crafted on every other; the diagonal is the white box.

    Args:
        transfer: The `transfer` table: columns source, target (methods), seed, attack, eps, id, success; or its means:
            source, target, attack, eps, accuracy (0..1), n.
        look: Theme, width, source.
        attack: Which attack, by default the first.
    """
    rows = transfer_rates(transfer)
    if len(rows) and "attack" in rows:
        rows = rows[rows["attack"] == (rows["attack"].iloc[0] if attack is None else attack)]
    targets, sources = look.methods(rows["target"]), look.methods(rows["source"])
    matrix = rows.pivot_table(index="source", columns="target", values="accuracy", aggfunc="mean", observed=True)
    matrix = 100 * matrix.reindex(index=list(sources), columns=list(targets)).to_numpy(float)
    text = [["" if np.isnan(value) else f"{value:.1f}" for value in row] for row in matrix]
    sheet = Sheet(look, 1, height=max(90, 42 * len(sources)), left=96, foot=58)
    panel = sheet.panels[0]
    x, y = [style.label for style in targets.values()], [style.label for style in sources.values()]
    sheet.add(panel, heatmap(matrix, text, x, y, look, top=100, hover="crafted on %{y}, evaluated on %{x}: %{z:.1f} %"))
    sheet.axis(panel, PLAIN | {"title": "evaluated on", "automargin": False})
    sheet.axis(panel, None, PLAIN | {"title": "crafted on", "autorange": "reversed", "automargin": False})
    if rows.empty:
        sheet.empty(panel, "no transfer was measured")
    n = int(rows["n"].max()) if len(rows) and "n" in rows else 0
    eps = f"; eps = {radius_text(rows['eps'].iloc[0])}" if len(rows) and "eps" in rows else ""
    return sheet.figure(
        _title(rows, {name: style.label for name, style in targets.items()}),
        f"n = {n} test images{eps}; accuracy in per cent; diagonal: images crafted on the model itself.",
    )


def transfer_rates(transfer: Frame) -> Frame:
    """Accuracy of each target on images crafted on each source, over images and seeds.

    Args:
        transfer: The `transfer` table, or its means.

    Returns:
        Columns source, target, attack, eps, accuracy (0..1), n (images).
    """
    if "success" not in transfer:
        return transfer
    groups = transfer.groupby(["source", "target", "attack", "eps"], observed=True, sort=False)
    rates = groups.agg(fooled=("success", "mean"), n=("id", "nunique")).reset_index()
    return rates.assign(accuracy=1 - rates["fooled"])


def _title(rows: Frame, labels: dict[str, str]) -> str:
    below, measured = [], 0
    for target, part in rows.groupby("target", observed=True):
        own = part.loc[part["source"] == target, "accuracy"]
        measured += int(own.notna().any() and part["accuracy"].notna().sum() > 1)
        if len(own) and part["accuracy"].min() < own.mean() - 1e-9:
            below.append(labels[str(target)])
    if not measured:
        return "Transfer of adversarial images: not measured"
    if below:
        names = ", ".join(below)
        return f"Transfer: images from other models hurt {names} more than its own; doubt those white-box results"
    if measured < len(labels):
        return f"Transfer: for {measured} of {len(labels)} models its own images hurt most; the rest is unknown"
    return "Transfer: for every model its own images hurt most"
