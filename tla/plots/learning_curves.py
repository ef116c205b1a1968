"""Learning curves: accuracy, loss and shift, epoch by epoch."""

import numpy as np

from tla.plots.base import Figure, Frame, figure
from tla.plots.drawing.marks import band, line
from tla.plots.drawing.sheet import Sheet
from tla.plots.drawing.theme import LIGHT, Look
from tla.plots.drawing.words import spread

PANELS = (
    ("robust_accuracy", "accuracy under attack (%)", 100),
    ("clean_accuracy", "clean accuracy (%)", 100),
    ("loss", "training loss", 1),
    ("active", "active triplets (share)", 1),
    ("angle", "angular shift (degrees)", 1),
    ("margin", "margin to the false centroid", 1),
)


@figure("learning_curves", "history")
def learning_curves(history: Frame, *, look: Look = LIGHT) -> Figure:
    """Held-out accuracy (clean, attacked), loss, active triplets and shift of the embedding against the epoch.

    Args:
        history: The `history` table; several seeds are shown as their mean with a band from smallest to largest.
        look: Theme, width, source.
    """
    shown = [panel for panel in PANELS if panel[0] in history and history[panel[0]].notna().any()] or [PANELS[2]]
    styles = look.methods(history["method"])
    sheet = Sheet(look, len(shown), least=262, height=250, left=70, foot=50)
    for panel, (column, title, factor) in zip(sheet.panels, shown, strict=True):
        for method, style in styles.items():
            rows = history[(history["method"] == method) & np.isfinite(history[column].astype(float))]
            grouped = rows.groupby("epoch")[column]
            if not len(rows):
                continue
            mean = factor * grouped.mean()
            if rows["seed"].nunique() > 1:
                sheet.add(panel, band(mean.index, factor * grouped.min(), factor * grouped.max(), style.colour))
            sheet.add(panel, line(mean.index, mean, style, markers=len(mean) <= 30), key=method)
        sheet.axis(panel, "epoch", {"title": title, "rangemode": "tozero"})
    if history.empty:
        sheet.empty(sheet.panels[0], "nothing was trained")
    ends = history.sort_values("epoch").groupby(["method", "seed"])["robust_accuracy"].last().groupby("method").mean()
    values = {str(name): float(value) for name, value in ends.items()}
    final = spread(values, {key: style.label for key, style in styles.items()})
    seeds = int(history["seed"].nunique()) if len(history) else 0
    return sheet.figure(
        f"Training: held-out accuracy under attack ends {'at ' * final[0].isdigit()}{final}",
        "Accuracies and shift (angle between clean and attacked embedding; distance to the nearest other centroid "
        "minus that to its own) on held-out training images under the attack that selects the epoch; "
        f"{seeds} seed{'' if seeds == 1 else 's'} per method"
        f"{', bands from the smallest to the largest' if seeds > 1 else ''}.",
    )
